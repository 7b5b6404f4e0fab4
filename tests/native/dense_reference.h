// Slow, obvious, dense linear algebra in double, independent of the product's: the judge of the fast way.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/tensor.h"

namespace amalgam::test {

using Dense = core::Matrix<double>;

inline Dense multiply(const Dense& a, const Dense& b) {
  Dense c(a.rows(), b.cols());
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    for (std::int64_t k = 0; k < a.cols(); ++k) {
      for (std::int64_t j = 0; j < b.cols(); ++j) c(i, j) += a(i, k) * b(k, j);
    }
  }
  return c;
}

inline Dense transpose(const Dense& a) {
  Dense t(a.cols(), a.rows());
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    for (std::int64_t j = 0; j < a.cols(); ++j) t(j, i) = a(i, j);
  }
  return t;
}

/// c += factor * a
inline void add(Dense& c, double factor, const Dense& a) {
  for (std::int64_t i = 0; i < c.size(); ++i) c.data()[i] += factor * a.data()[i];
}

inline double norm(const Dense& a) {
  double sum = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) sum += a.data()[i] * a.data()[i];
  return std::sqrt(sum);
}

/// |a - b| / |b|, or |a| where b is zero.
inline double relative_difference(const Dense& a, const Dense& b) {
  Dense difference = a.copy();
  add(difference, -1, b);
  return norm(b) > 0 ? norm(difference) / norm(b) : norm(difference);
}

/// a = sum_k sigma[k] u_k v_k^T, sigma falling; column k of u and v.
struct Svd {
  Dense u;
  std::vector<double> sigma;
  Dense v;
};

/// Hestenes' one-sided Jacobi method: columns of `a` are turned in pairs until all are orthogonal.
inline Svd jacobi_svd(const Dense& a) {
  if (a.rows() < a.cols()) {
    Svd turned = jacobi_svd(transpose(a));
    return {std::move(turned.v), std::move(turned.sigma), std::move(turned.u)};
  }
  const std::int64_t n = a.cols();
  Dense work = a.copy();
  Dense v(n, n);
  for (std::int64_t i = 0; i < n; ++i) v(i, i) = 1;
  const auto turn = [](Dense& m, std::int64_t p, std::int64_t q, double c, double s) {
    for (std::int64_t i = 0; i < m.rows(); ++i) {
      const double x = m(i, p);
      const double y = m(i, q);
      m(i, p) = c * x - s * y;
      m(i, q) = s * x + c * y;
    }
  };
  for (int sweep = 0, turned = 1; turned > 0 && sweep < 60; ++sweep) {
    turned = 0;
    for (std::int64_t p = 0; p < n; ++p) {
      for (std::int64_t q = p + 1; q < n; ++q) {
        double pp = 0;
        double qq = 0;
        double pq = 0;
        for (std::int64_t i = 0; i < work.rows(); ++i) {
          pp += work(i, p) * work(i, p);
          qq += work(i, q) * work(i, q);
          pq += work(i, p) * work(i, q);
        }
        if (std::abs(pq) <= 1e-15 * std::sqrt(pp * qq)) continue;
        ++turned;
        const double zeta = (qq - pp) / (2 * pq);
        const double t = std::copysign(1.0, zeta) / (std::abs(zeta) + std::sqrt(1 + zeta * zeta));
        const double c = 1 / std::sqrt(1 + t * t);
        turn(work, p, q, c, c * t);
        turn(v, p, q, c, c * t);
      }
    }
  }
  std::vector<double> sigma(n);
  for (std::int64_t j = 0; j < n; ++j) {
    for (std::int64_t i = 0; i < work.rows(); ++i) sigma[j] += work(i, j) * work(i, j);
    sigma[j] = std::sqrt(sigma[j]);
  }
  std::vector<std::int64_t> order(n);
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::sort(order.begin(), order.end(), [&](std::int64_t i, std::int64_t j) { return sigma[i] > sigma[j]; });
  Svd result{Dense(a.rows(), n), std::vector<double>(n), Dense(n, n)};
  for (std::int64_t k = 0; k < n; ++k) {
    result.sigma[k] = sigma[order[k]];
    for (std::int64_t i = 0; i < a.rows(); ++i)
      result.u(i, k) = sigma[order[k]] > 0 ? work(i, order[k]) / sigma[order[k]] : 0;
    for (std::int64_t i = 0; i < n; ++i) result.v(i, k) = v(i, order[k]);
  }
  return result;
}

/// The best fit of `rank` to `a`.
inline Dense best_fit(const Dense& a, std::int64_t rank) {
  const Svd svd = jacobi_svd(a);
  Dense fit(a.rows(), a.cols());
  for (std::int64_t k = 0; k < std::min<std::int64_t>(rank, static_cast<std::int64_t>(svd.sigma.size())); ++k) {
    for (std::int64_t i = 0; i < a.rows(); ++i) {
      for (std::int64_t j = 0; j < a.cols(); ++j) fit(i, j) += svd.sigma[k] * svd.u(i, k) * svd.v(j, k);
    }
  }
  return fit;
}

}  // namespace amalgam::test
