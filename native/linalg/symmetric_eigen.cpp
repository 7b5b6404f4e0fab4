#include "linalg/symmetric_eigen.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "core/error.h"
#include "ops/vector.h"

namespace amalgam::linalg {

namespace {

using core::Matrix;
using ops::Rotation;

constexpr std::int64_t parallel_from = 512;  // rows below which starting threads costs more than it saves
constexpr std::int64_t strip_columns = 64;  // of eigenvector entries rotated together: two rows stay in the first cache
constexpr std::int64_t sweeps_per_batch = 64;  // rotations kept before they are applied, in units of n
constexpr double negligible = 1e-30;           // couplings below this, beside entries up to 1, are far under rounding
constexpr int most_iterations = 60;  // per eigenvalue; QL needs two on average and has never been seen to need ten

struct Tridiagonal {
  std::vector<double> diagonal;
  std::vector<double> off;    // off[k] couples k and k + 1; the last entry is 0
  Matrix<double> reflectors;  // row k: w with |w|^2 = 2, zero up to column k; the k-th reflection is I - w w^T
};

void for_rows(ops::Executor& executor, std::int64_t count, const core::ThreadPool::Body& body) {
  if (count >= parallel_from) {
    executor.pool().parallel_for(count, body);
  } else if (count > 0) {
    body(0, count, 0);
  }
}

/// H_{n-3} ... H_0 A H_0 ... H_{n-3} is tridiagonal. `a` is kept symmetric in full, so that all access is along rows.
Tridiagonal tridiagonalise(Matrix<double>& a, ops::Executor& executor) {
  const auto& vector = ops::vector_ops(executor.instruction_set());
  const std::int64_t n = a.rows();
  Tridiagonal result{std::vector<double>(n), std::vector<double>(n), Matrix<double>(n, n)};
  std::vector<double> product(n);
  for (std::int64_t k = 0; k + 2 < n; ++k) {
    executor.cancel().check();
    const std::int64_t first = k + 1;
    const std::int64_t size = n - first;
    const double* x = a.row(k) + first;
    double* w = result.reflectors.row(k) + first;
    result.diagonal[k] = a(k, k);
    const double length = std::sqrt(vector.dot(x, x, size));
    if (length < negligible) continue;
    // The reflection takes x to (corner, 0, ...); the sign is chosen so that nothing cancels.
    const double corner = x[0] > 0 ? -length : length;
    result.off[k] = corner;
    std::copy_n(x, size, w);
    w[0] -= corner;
    const double scale = std::sqrt(2.0 / vector.dot(w, w, size));
    for (std::int64_t i = 0; i < size; ++i) w[i] *= scale;

    // With p = A w and q = p - (p.w / 2) w, the reflected A is A - w q^T - q w^T.
    for_rows(executor, size, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) product[i] = vector.dot(a.row(first + i) + first, w, size);
    });
    vector.axpy(-0.5 * vector.dot(product.data(), w, size), w, product.data(), size);
    for_rows(executor, size, [&](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) {
        double* row = a.row(first + i) + first;
        vector.axpy(-w[i], product.data(), row, size);
        vector.axpy(-product[i], w, row, size);
      }
    });
  }
  if (n >= 2) {
    result.diagonal[n - 2] = a(n - 2, n - 2);
    result.off[n - 2] = a(n - 2, n - 1);
  }
  if (n >= 1) result.diagonal[n - 1] = a(n - 1, n - 1);
  return result;
}

/// Rows of `vectors` rotated by the batch, strip of columns by strip.
void apply(std::vector<Rotation>& batch, Matrix<double>& vectors, ops::Executor& executor) {
  const auto& vector = ops::vector_ops(executor.instruction_set());
  const std::int64_t n = vectors.cols();
  const std::int64_t strips = (n + strip_columns - 1) / strip_columns;
  const auto body = [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t strip = begin; strip < end; ++strip) {
      executor.cancel().check();
      vector.rotate(vectors.data(), n, strip * strip_columns, std::min(n, (strip + 1) * strip_columns), batch.data(),
                    static_cast<std::int64_t>(batch.size()));
    }
  };
  if (n >= parallel_from) {
    executor.pool().parallel_for(strips, body);
  } else {
    body(0, strips, 0);
  }
  batch.clear();
}

/// Couplings up to this are rounding noise wherever they stand: every step leaves errors of that size. Measured against
/// their neighbours alone, those among the zero eigenvalues of a matrix of low rank would never count as settled.
double coupling_noise(const Tridiagonal& t) {
  double largest = 0;
  for (std::size_t i = 0; i < t.diagonal.size(); ++i) {
    largest = std::max(largest, std::abs(t.diagonal[i]) + std::abs(t.off[i]));
  }
  return std::numeric_limits<double>::epsilon() * largest;
}

/// The first index from `low` on whose coupling to the next one is at most `noise`.
std::int64_t end_of_block(const Tridiagonal& t, std::int64_t low, double noise) {
  const auto n = static_cast<std::int64_t>(t.diagonal.size());
  std::int64_t high = low;
  while (high + 1 < n && std::abs(t.off[high]) > noise) ++high;
  return high;
}

/// One implicit QL step with Wilkinson's shift on the block [low, high]: pulls the bulge from the bottom to the top.
void ql_step(Tridiagonal& t, std::int64_t low, std::int64_t high, std::vector<Rotation>& batch) {
  std::vector<double>& d = t.diagonal;
  std::vector<double>& e = t.off;
  const double half_gap = (d[low + 1] - d[low]) / (2 * e[low]);
  const double root = std::sqrt(half_gap * half_gap + 1);
  double bulge = d[high] - d[low] + e[low] / (half_gap + std::copysign(root, half_gap));
  double s = 1;
  double c = 1;
  double shift = 0;
  for (std::int64_t i = high - 1; i >= low; --i) {
    const double f = s * e[i];
    const double b = c * e[i];
    const double r = std::sqrt(f * f + bulge * bulge);
    e[i + 1] = r;
    if (r == 0) {  // the block has fallen apart here; the next step takes the parts one by one
      d[i + 1] -= shift;
      e[high] = 0;
      return;
    }
    s = f / r;
    c = bulge / r;
    const double base = d[i + 1] - shift;
    const double turned = (d[i] - base) * s + 2 * c * b;
    shift = s * turned;
    d[i + 1] = base + shift;
    bulge = c * turned - b;
    batch.push_back({i, c, s});
  }
  d[low] -= shift;
  e[low] = bulge;
  e[high] = 0;
}

/// Diagonalises `t`; row k of the result is the eigenvector of t.diagonal[k].
Matrix<double> diagonalise(Tridiagonal& t, ops::Executor& executor) {
  const auto n = static_cast<std::int64_t>(t.diagonal.size());
  Matrix<double> vectors(n, n);
  for (std::int64_t i = 0; i < n; ++i) vectors(i, i) = 1;
  std::vector<Rotation> batch;
  const auto most = static_cast<std::size_t>(sweeps_per_batch * n);
  const double noise = coupling_noise(t);
  for (std::int64_t low = 0; low < n; ++low) {
    for (int iteration = 0;; ++iteration) {
      const std::int64_t high = end_of_block(t, low, noise);
      if (high == low) break;
      if (iteration == most_iterations) throw std::logic_error("symmetric_eigen: QL does not converge");
      ql_step(t, low, high, batch);
      if (batch.size() > most) apply(batch, vectors, executor);
    }
  }
  apply(batch, vectors, executor);
  return vectors;
}

/// Eigenvectors of the tridiagonal matrix become those of A: each row goes through the reflections, last one first.
void transform_back(const Matrix<double>& reflectors, Matrix<double>& vectors, ops::Executor& executor) {
  const auto& vector = ops::vector_ops(executor.instruction_set());
  const std::int64_t n = vectors.rows();
  constexpr std::int64_t rows_together = 32;  // a reflector is read once for so many rows
  constexpr std::int64_t reflections_per_check = 256;
  for_rows(executor, n, [&](std::int64_t begin, std::int64_t end, int) {
    for (std::int64_t block = begin; block < end; block += rows_together) {
      for (std::int64_t k = n - 3; k >= 0; --k) {
        if (k % reflections_per_check == 0) executor.cancel().check();
        const std::int64_t first = k + 1;
        const double* w = reflectors.row(k) + first;
        for (std::int64_t i = block; i < std::min(end, block + rows_together); ++i) {
          double* row = vectors.row(i) + first;
          vector.axpy(-vector.dot(w, row, n - first), w, row, n - first);
        }
      }
    }
  });
}

double largest_entry(const Matrix<double>& a) {
  double largest = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const double size = std::abs(a.data()[i]);
    if (!(size <= std::numeric_limits<double>::max())) {
      throw core::Error("not-finite", "An eigenproblem holds a number that is not finite.");
    }
    largest = std::max(largest, size);
  }
  return largest;
}

}  // namespace

SymmetricEigen symmetric_eigen(Matrix<double> a, ops::Executor& executor) {
  const std::int64_t n = a.rows();
  if (n != a.cols()) throw std::logic_error("symmetric_eigen: the matrix is not square");
  // Scaled to entries of at most 1, squares neither overflow nor vanish.
  const double scale = largest_entry(a);
  if (scale > 0) {
    for (std::int64_t i = 0; i < a.size(); ++i) a.data()[i] /= scale;
  }
  Tridiagonal tridiagonal = tridiagonalise(a, executor);
  a = Matrix<double>();
  Matrix<double> vectors = diagonalise(tridiagonal, executor);
  transform_back(tridiagonal.reflectors, vectors, executor);

  std::vector<std::int64_t> order(n);
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t i, std::int64_t j) { return tridiagonal.diagonal[i] > tridiagonal.diagonal[j]; });
  SymmetricEigen result{std::vector<double>(n), Matrix<double>(n, n)};
  for (std::int64_t k = 0; k < n; ++k) {
    const double* source = vectors.row(order[k]);
    const double* peak =
        std::max_element(source, source + n, [](double x, double y) { return std::abs(x) < std::abs(y); });
    const double sign = *peak < 0 ? -1.0 : 1.0;
    for (std::int64_t i = 0; i < n; ++i) result.vectors(k, i) = sign * source[i];
    result.values[k] = scale * tridiagonal.diagonal[order[k]];
  }
  return result;
}

}  // namespace amalgam::linalg
