// Factoring a large dense matrix: the iteration against the exact way.
#include <cmath>
#include <cstring>
#include <vector>

#include "linalg/dense_truncate.h"
#include "linalg/subspace.h"
#include "linalg/symmetric_eigen.h"
#include "linalg/truncate.h"
#include "ops/gemm.h"
#include "random_matrix.h"
#include "runner.h"

using namespace amalgam;
using core::Matrix;

namespace {

Matrix<double> widened(const Matrix<float>& a) {
  Matrix<double> result(a.rows(), a.cols());
  for (std::int64_t i = 0; i < a.size(); ++i) result.data()[i] = static_cast<double>(a.data()[i]);
  return result;
}

double squares(const Matrix<double>& a) {
  double sum = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) sum += a.data()[i] * a.data()[i];
  return sum;
}

/// |a - left right^T|
double distance(const Matrix<float>& a, const linalg::Truncation& cut, ops::Executor& executor) {
  Matrix<double> rest = widened(a);
  for (std::int64_t i = 0; i < rest.size(); ++i) rest.data()[i] = -rest.data()[i];
  ops::gemm(executor, ops::strided(cut.left), ops::strided(cut.right).transposed(), rest.view(), ops::Into::accumulate);
  return std::sqrt(squares(rest));
}

/// sum_k sigma[k] u_k v_k^T with random orthonormal columns.
Matrix<float> with_spectrum(test::Random& random, std::int64_t m, std::int64_t n, const std::vector<double>& sigma,
                            ops::Executor& executor) {
  const auto rank = static_cast<std::int64_t>(sigma.size());
  const auto orthonormal = [&](std::int64_t rows) {
    const Matrix<float> start = test::random_matrix<float>(random, rows, rank);
    Matrix<double> products(rank, rank);
    ops::gram(executor, ops::strided(start), products.view());
    const linalg::SymmetricEigen eigen = linalg::symmetric_eigen(std::move(products), executor);
    Matrix<double> weights(rank, rank);
    for (std::int64_t i = 0; i < rank; ++i) {
      for (std::int64_t k = 0; k < rank; ++k) weights(i, k) = eigen.vectors(k, i) / std::sqrt(eigen.values[k]);
    }
    Matrix<double> result(rows, rank);
    ops::gemm(executor, ops::strided(start), ops::strided(weights), result.view(), ops::Into::overwrite);
    return result;
  };
  Matrix<double> left = orthonormal(m);
  const Matrix<double> right = orthonormal(n);
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t k = 0; k < rank; ++k) left(i, k) *= sigma[static_cast<std::size_t>(k)];
  }
  Matrix<double> product(m, n);
  ops::gemm(executor, ops::strided(left), ops::strided(right).transposed(), product.view(), ops::Into::overwrite);
  Matrix<float> result(m, n);
  for (std::int64_t i = 0; i < result.size(); ++i) result.data()[i] = static_cast<float>(product.data()[i]);
  return result;
}

/// The energy that the best fit of `rank` keeps, from the whole spectrum.
double best_energy(const Matrix<float>& a, std::int64_t rank, ops::Executor& executor) {
  const bool tall = a.rows() >= a.cols();
  const ops::Strided<float> turned = tall ? ops::strided(a) : ops::strided(a).transposed();
  Matrix<double> products(turned.cols, turned.cols);
  ops::gram(executor, turned, products.view());
  const linalg::SymmetricEigen eigen = linalg::symmetric_eigen(std::move(products), executor);
  double energy = 0;
  for (std::int64_t k = 0; k < rank; ++k) energy += eigen.values[static_cast<std::size_t>(k)];
  return energy;
}

}  // namespace

TEST("just above the exact side a flat spectrum loses less than 1e-8 of the best energy, both ways round") {
  test::Random random(61);
  const core::CancelToken cancel;
  ops::Executor executor(2, cancel);
  // Gaussian-like noise: singular values lie side by side, with no gap at the cut.
  for (const bool tall : {true, false}) {
    const std::int64_t n = linalg::largest_exact_side + 6;
    Matrix<float> a = test::random_matrix<float>(random, tall ? n + 170 : n, tall ? n : n + 170);
    const double best = best_energy(a, 16, executor);
    const Matrix<float> whole = a.copy();
    const linalg::Truncation cut = linalg::dense_truncate(a.view(), 16, executor);
    CHECK_EQ(cut.left.cols(), 16);
    const double kept = cut.norm * cut.norm * (1 - cut.discarded * cut.discarded);
    CHECK(kept <= best * (1 + 1e-12));
    CHECK(kept >= best * (1 - 1e-8));
    CHECK_NEAR(distance(whole, cut, executor) / cut.norm, cut.discarded, 1e-7);
  }
}

TEST("with a gap at the cut the fit is the exact one") {
  test::Random random(62);
  const core::CancelToken cancel;
  ops::Executor executor(2, cancel);
  std::vector<double> sigma;
  for (int k = 0; k < 90; ++k) sigma.push_back(k < 16 ? 3 - .05 * k : 1.5 * std::pow(.96, k));
  const Matrix<float> a = with_spectrum(random, 1100, 1060, sigma, executor);
  Matrix<float> copy = a.copy();
  const linalg::Truncation fast = linalg::dense_truncate(copy.view(), 16, executor);
  const linalg::Truncation exact = linalg::truncate(widened(a).view(), 16, 0, executor);
  CHECK_NEAR(fast.norm / exact.norm, 1, 1e-12);
  CHECK_NEAR(fast.discarded, exact.discarded, 1e-7);
  Matrix<double> difference(a.rows(), a.cols());
  ops::gemm(executor, ops::strided(fast.left), ops::strided(fast.right).transposed(), difference.view(),
            ops::Into::overwrite);
  for (std::int64_t i = 0; i < difference.size(); ++i) difference.data()[i] = -difference.data()[i];
  ops::gemm(executor, ops::strided(exact.left), ops::strided(exact.right).transposed(), difference.view(),
            ops::Into::accumulate);
  CHECK(std::sqrt(squares(difference)) < 1e-5 * exact.norm);
  // The same form: each pair shares sqrt(sigma) and the sign, so that the columns themselves agree.
  for (std::int64_t k = 0; k < 16; ++k) {
    for (std::int64_t i = 0; i < 20; ++i) {
      CHECK_NEAR(fast.left(i, k), exact.left(i, k), 1e-4);
      CHECK_NEAR(fast.right(i, k), exact.right(i, k), 1e-4);
    }
  }
}

TEST("what has a lower rank than is kept comes back whole, small singular values included") {
  test::Random random(63);
  const core::CancelToken cancel;
  ops::Executor executor(2, cancel);
  std::vector<double> sigma;
  for (int k = 0; k < 12; ++k) sigma.push_back(std::pow(10.0, -k / 3.0));  // down to 2e-4
  for (const std::int64_t n : {900, 1300}) {
    const Matrix<float> a = with_spectrum(random, n + 100, n, sigma, executor);
    Matrix<float> copy = a.copy();
    const linalg::Truncation cut = linalg::dense_truncate(copy.view(), 16, executor);
    CHECK(cut.left.cols() >= 12);
    CHECK_EQ(cut.discarded, 0.0);
    CHECK(distance(a, cut, executor) < 3e-7 * cut.norm);
  }
}

TEST("the residual is reached, and is what it is said to be") {
  test::Random random(64);
  const core::CancelToken cancel;
  ops::Executor executor(2, cancel);
  const Matrix<float> a = test::random_matrix<float>(random, 1200, 1100);
  const linalg::LeadingDirections found = linalg::leading_directions(ops::strided(a), 16, executor);
  CHECK(found.residual <= linalg::subspace_residual);
  CHECK(found.products < 100);
  Matrix<double> image(a.rows(), 16);
  ops::gemm(executor, ops::strided(a), ops::strided(found.vectors), image.view(), ops::Into::overwrite);
  Matrix<double> back(a.cols(), 16);
  ops::gemm(executor, ops::strided(a).transposed(), ops::strided(image), back.view(), ops::Into::overwrite);
  double largest = 0;
  for (std::int64_t k = 0; k < 16; ++k) {
    double sigma = 0;
    for (std::int64_t i = 0; i < image.rows(); ++i) sigma += image(i, k) * image(i, k);
    sigma = std::sqrt(sigma);
    largest = std::max(largest, sigma);
    double residual = 0;
    for (std::int64_t i = 0; i < back.rows(); ++i) {
      residual += std::pow(back(i, k) / sigma - sigma * found.vectors(i, k), 2);
    }
    CHECK(std::sqrt(residual) < 1.2 * linalg::subspace_residual * largest);
  }
}

TEST("the same bits come out for any number of threads, and on every processor with fused products") {
  test::Random random(65);
  const core::CancelToken cancel;
  const Matrix<float> a = test::random_matrix<float>(random, 1150, 1060);
  Matrix<double> first;
  const auto check = [&](ops::Executor& executor) {
    Matrix<float> copy = a.copy();
    const linalg::Truncation cut = linalg::dense_truncate(copy.view(), 8, executor);
    if (first.size() == 0) first = cut.left.copy();
    CHECK_EQ(cut.left.size(), first.size());
    CHECK_EQ(std::memcmp(cut.left.data(), first.data(), first.bytes()), 0);
  };
  for (const int threads : {1, 2, 5}) {
    ops::Executor executor(threads, cancel);
    check(executor);
  }
  for (const core::InstructionSet set : {core::InstructionSet::avx2, core::InstructionSet::avx512}) {
    if (set > core::best_instruction_set()) continue;
    ops::Executor executor(2, cancel, set);
    check(executor);
  }
}

TEST("matrices of any size of entry are factored alike") {
  test::Random random(66);
  const core::CancelToken cancel;
  ops::Executor executor(2, cancel);
  for (const std::int64_t n : {40, 1060}) {
    const Matrix<float> a = test::random_matrix<float>(random, n + 20, n);
    Matrix<float> plain = a.copy();
    const linalg::Truncation expected = linalg::dense_truncate(plain.view(), 4, executor);
    for (const int exponent : {-100, 90, -41}) {
      Matrix<float> scaled(a.rows(), a.cols());
      for (std::int64_t i = 0; i < a.size(); ++i) scaled.data()[i] = std::ldexp(a.data()[i], exponent);
      const linalg::Truncation cut = linalg::dense_truncate(scaled.view(), 4, executor);
      CHECK_NEAR(std::ldexp(cut.norm, -exponent) / expected.norm, 1, 1e-12);
      CHECK_NEAR(cut.discarded, expected.discarded, 1e-9);
      const double root = std::exp2(exponent / 2.0);
      for (std::int64_t i = 0; i < 30; ++i) CHECK_NEAR(cut.left(i, 0) / root, expected.left(i, 0), 1e-5);
    }
  }
}

TEST("a matrix of zeros, and one that holds NaN") {
  const core::CancelToken cancel;
  ops::Executor executor(1, cancel);
  Matrix<float> zero(1100, 1050);
  const linalg::Truncation cut = linalg::dense_truncate(zero.view(), 8, executor);
  CHECK_EQ(cut.left.cols(), 0);
  CHECK_EQ(cut.norm, 0.0);
  CHECK_EQ(cut.discarded, 0.0);
  zero(3, 4) = NAN;
  CHECK_ERROR("not-finite", linalg::dense_truncate(zero.view(), 8, executor));
}
