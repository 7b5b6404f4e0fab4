// The double-precision decompositions: residuals and orthogonality to 1e-13, and agreement with a dense Jacobi SVD.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "dense_reference.h"
#include "linalg/basis.h"
#include "linalg/gram.h"
#include "linalg/symmetric_eigen.h"
#include "linalg/truncate.h"
#include "random_matrix.h"
#include "runner.h"

using namespace amalgam;
using core::Matrix;
using test::Dense;

namespace {

const core::CancelToken never;

Dense random_symmetric(test::Random& random, std::int64_t n) {
  Dense a(n, n);
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) a(i, j) = a(j, i) = random.number();
  }
  return a;
}

/// Rows of `vectors` are orthonormal and every eigenpair fits, both to 1e-13 (the residual relative to the largest
/// value).
void check_eigen(const Dense& a, const linalg::SymmetricEigen& eigen) {
  const std::int64_t n = a.rows();
  CHECK_EQ(static_cast<std::int64_t>(eigen.values.size()), n);
  const Dense products = test::multiply(eigen.vectors, test::transpose(eigen.vectors));
  double largest = 0;
  for (const double value : eigen.values) largest = std::max(largest, std::abs(value));
  const Dense images = test::multiply(eigen.vectors, a);  // row k: A v_k, A being symmetric
  for (std::int64_t k = 0; k < n; ++k) {
    if (k > 0) CHECK(eigen.values[k - 1] >= eigen.values[k]);
    double peak = 0;
    double residual = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      CHECK_NEAR(products(k, i), k == i ? 1.0 : 0.0, 1e-13);
      residual += std::pow(images(k, i) - eigen.values[k] * eigen.vectors(k, i), 2);
      if (std::abs(eigen.vectors(k, i)) > std::abs(peak)) peak = eigen.vectors(k, i);
    }
    CHECK(std::sqrt(residual) <= 1e-13 * largest);
    CHECK(peak > 0);
  }
}

linalg::SymmetricEigen decompose(const Dense& a, int threads = 1,
                                 core::InstructionSet set = core::best_instruction_set()) {
  ops::Executor executor(threads, never, set);
  return linalg::symmetric_eigen(a.copy(), executor);
}

Matrix<float> to_float(const Dense& a) {
  Matrix<float> result(a.rows(), a.cols());
  for (std::int64_t i = 0; i < a.size(); ++i) result.data()[i] = static_cast<float>(a.data()[i]);
  return result;
}

Dense to_double(const Matrix<float>& a) {
  Dense result(a.rows(), a.cols());
  for (std::int64_t i = 0; i < a.size(); ++i) result.data()[i] = a.data()[i];
  return result;
}

/// The basis is orthonormal and gives x back to `tolerance`.
void check_basis(const Matrix<float>& x, const linalg::Basis& basis, double tolerance) {
  const Dense products = test::multiply(test::transpose(basis.directions), basis.directions);
  for (std::int64_t i = 0; i < products.rows(); ++i) {
    for (std::int64_t j = 0; j < products.cols(); ++j) CHECK_NEAR(products(i, j), i == j ? 1.0 : 0.0, 1e-12);
  }
  CHECK(test::relative_difference(test::multiply(basis.directions, basis.coordinates), to_double(x)) <= tolerance);
}

linalg::Basis basis_of(const Matrix<float>& x) {
  ops::Executor executor(1, never);
  return linalg::orthonormal_basis(ops::strided(x), executor);
}

}  // namespace

TEST("eigen: random symmetric matrices of many sizes, positive and negative values") {
  test::Random random(1);
  for (const std::int64_t n : {2, 3, 4, 5, 17, 64, 65, 128, 200}) {
    const Dense a = random_symmetric(random, n);
    check_eigen(a, decompose(a));
  }
}

TEST("eigen: nothing, one number, zero, the identity, a diagonal") {
  CHECK_EQ(decompose(Dense(0, 0)).values.size(), 0u);
  Dense one(1, 1);
  one(0, 0) = -3;
  CHECK_EQ(decompose(one).values[0], -3.0);
  CHECK_EQ(decompose(one).vectors(0, 0), 1.0);
  check_eigen(Dense(7, 7), decompose(Dense(7, 7)));
  Dense identity(6, 6);
  for (int i = 0; i < 6; ++i) identity(i, i) = 1;
  check_eigen(identity, decompose(identity));
  Dense diagonal(5, 5);
  const double values[] = {1e-20, 3, -2, 0, 1e-10};
  for (int i = 0; i < 5; ++i) diagonal(i, i) = values[i];
  const auto eigen = decompose(diagonal);
  CHECK_EQ(eigen.values[0], 3.0);
  CHECK_EQ(eigen.values[1], 1e-10);
  CHECK_EQ(eigen.values[2], 1e-20);
  CHECK_EQ(eigen.values[4], -2.0);
}

TEST("eigen: known values of the second difference matrix") {
  const std::int64_t n = 50;
  Dense a(n, n);
  for (std::int64_t i = 0; i < n; ++i) {
    a(i, i) = 2;
    if (i + 1 < n) a(i, i + 1) = a(i + 1, i) = -1;
  }
  const auto eigen = decompose(a);
  check_eigen(a, eigen);
  for (std::int64_t k = 0; k < n; ++k) {
    const double angle = static_cast<double>(n - k) * M_PI / static_cast<double>(n + 1);
    CHECK_NEAR(eigen.values[k], 2 - 2 * std::cos(angle), 1e-13);
  }
}

TEST("eigen: equal values, and Gram matrices of low rank") {
  test::Random random(2);
  const Dense x = test::random_matrix<double>(random, 9, 60);
  Dense low_rank = test::multiply(test::transpose(x), x);
  const auto eigen = decompose(low_rank);
  check_eigen(low_rank, eigen);
  CHECK(eigen.values[8] > 1);
  for (int k = 9; k < 60; ++k) CHECK_NEAR(eigen.values[k], 0, 1e-12);

  const Dense ones = [] {
    Dense a(40, 40);
    std::fill_n(a.data(), a.size(), 1.0);
    return a;
  }();
  check_eigen(ones, decompose(ones));
  CHECK_NEAR(decompose(ones).values[0], 40, 1e-12);

  Dense degenerate(30, 30);  // H D H with a reflection H and D = diag(5 x 10, 1 x 20)
  const Dense w = test::random_matrix<double>(random, 30, 1);
  const double square = test::norm(w) * test::norm(w);
  Dense reflection(30, 30);
  for (int i = 0; i < 30; ++i) {
    for (int j = 0; j < 30; ++j) reflection(i, j) = (i == j ? 1 : 0) - 2 * w(i, 0) * w(j, 0) / square;
  }
  for (int i = 0; i < 30; ++i) degenerate(i, i) = i < 10 ? 5 : 1;
  degenerate = test::multiply(test::multiply(reflection, degenerate), reflection);
  for (int i = 0; i < 30; ++i) {
    for (int j = 0; j < i; ++j) degenerate(i, j) = degenerate(j, i);
  }
  const auto split = decompose(degenerate);
  check_eigen(degenerate, split);
  for (int k = 0; k < 30; ++k) CHECK_NEAR(split.values[k], k < 10 ? 5 : 1, 1e-13);
}

TEST("eigen: Gram matrices of equal copies, whose zero eigenvalues are rounding alone") {
  test::Random random(12);
  for (const std::int64_t rank : {16, 64, 96}) {
    const Dense x = test::random_matrix<double>(random, 512, rank);
    Dense copies(512, 4 * rank);
    for (std::int64_t i = 0; i < 512; ++i) {
      for (std::int64_t j = 0; j < 4 * rank; ++j) copies(i, j) = x(i, j % rank);
    }
    for (const core::InstructionSet set : {core::InstructionSet::portable, core::best_instruction_set()}) {
      ops::Executor executor(2, never, set);
      const Dense gram = linalg::gram(ops::strided(std::as_const(copies)), executor);
      const auto eigen = linalg::symmetric_eigen(gram.copy(), executor);
      check_eigen(gram, eigen);
      CHECK(eigen.values[static_cast<std::size_t>(rank) - 1] > 1);
      for (auto k = static_cast<std::size_t>(rank); k < eigen.values.size(); ++k) CHECK_NEAR(eigen.values[k], 0, 1e-10);
    }
  }
}

TEST("eigen: scale does not matter, from 1e-200 to 1e200") {
  test::Random random(3);
  const Dense a = random_symmetric(random, 20);
  const auto plain = decompose(a);
  for (const double scale : {1e-200, 1e200}) {
    Dense scaled = a.copy();
    for (std::int64_t i = 0; i < scaled.size(); ++i) scaled.data()[i] *= scale;
    const auto eigen = decompose(scaled);
    for (int k = 0; k < 20; ++k) CHECK_NEAR(eigen.values[k] / scale, plain.values[k], 1e-13);
  }
}

TEST("eigen: equal bits for any number of threads, below and above the size that uses them") {
  test::Random random(4);
  for (const std::int64_t n : {100, 530}) {
    const Dense a = random_symmetric(random, n);
    const auto one = decompose(a, 1);
    const auto three = decompose(a, 3);
    CHECK(std::memcmp(one.vectors.data(), three.vectors.data(), one.vectors.bytes()) == 0);
    CHECK(one.values == three.values);
    if (n == 100) check_eigen(a, decompose(a, 2, core::InstructionSet::portable));
  }
}

TEST("eigen: NaN and infinity are refused") {
  Dense a(2, 2);
  a(0, 1) = a(1, 0) = std::numeric_limits<double>::infinity();
  CHECK_ERROR("not-finite", decompose(a));
  a(0, 1) = a(1, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK_ERROR("not-finite", decompose(a));
}

TEST("gram: symmetric to the bit and equal to the sum of products, from both layouts") {
  test::Random random(5);
  ops::Executor executor(2, never);
  for (const std::int64_t n : {1, 47, 48, 49, 130}) {
    const Matrix<float> x = test::random_matrix<float>(random, 211, n);
    const Matrix<float> turned = to_float(test::transpose(to_double(x)));
    const Dense expected = test::multiply(test::transpose(to_double(x)), to_double(x));
    const Dense tall = linalg::gram(ops::strided(x), executor);
    const Dense flat = linalg::gram(ops::strided(turned).transposed(), executor);
    CHECK(test::relative_difference(tall, expected) < 1e-15);
    CHECK(std::memcmp(tall.data(), flat.data(), tall.bytes()) == 0);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < i; ++j) CHECK_EQ(tall(i, j), tall(j, i));
    }
  }
}

TEST("basis: independent columns keep their number and come back") {
  test::Random random(6);
  const Matrix<float> x = test::random_matrix<float>(random, 300, 40);
  const auto basis = basis_of(x);
  CHECK_EQ(basis.directions.cols(), 40);
  check_basis(x, basis, 1e-14);
}

TEST("basis: repeated, opposite, zero and dependent columns add no directions") {
  test::Random random(7);
  const Dense parts = test::random_matrix<double>(random, 200, 6);
  Matrix<float> x(200, 20);
  for (std::int64_t i = 0; i < 200; ++i) {
    for (std::int64_t j = 0; j < 6; ++j) {
      const auto value = static_cast<float>(parts(i, j));
      x(i, j) = value;
      x(i, j + 6) = value;
      x(i, j + 12) = -4 * value;
    }
    x(i, 19) = x(i, 0) + x(i, 1);
  }
  const auto basis = basis_of(x);
  CHECK_EQ(basis.directions.cols(), 6);
  check_basis(x, basis, 2e-7);
}

TEST("basis: nearly dependent columns stay orthonormal after the second pass") {
  test::Random random(8);
  for (const double angle : {1e-2, 1e-4, 1e-6, 3e-7}) {
    const Dense common = test::random_matrix<double>(random, 400, 1);
    Matrix<float> x(400, 8);
    for (std::int64_t i = 0; i < 400; ++i) {
      for (std::int64_t j = 0; j < 8; ++j) x(i, j) = static_cast<float>(common(i, 0) + angle * random.number());
    }
    check_basis(x, basis_of(x), 3e-7);
  }
}

TEST("basis: the scale of a column does not decide whether it is kept") {
  test::Random random(9);
  Matrix<float> x = test::random_matrix<float>(random, 100, 3);
  for (std::int64_t i = 0; i < 100; ++i) {
    x(i, 0) *= 1e-30f;
    x(i, 2) *= 1e30f;
  }
  const auto basis = basis_of(x);
  CHECK_EQ(basis.directions.cols(), 3);
  const Dense back = test::multiply(basis.directions, basis.coordinates);
  for (std::int64_t i = 0; i < 100; ++i) CHECK_NEAR(back(i, 0) / static_cast<double>(x(i, 0)), 1, 1e-10);
}

TEST("basis: as many columns as rows or more give the identity; no columns and zero columns give nothing") {
  test::Random random(10);
  for (const std::int64_t n : {12, 30}) {
    const Matrix<float> x = test::random_matrix<float>(random, 12, n);
    const auto basis = basis_of(x);
    CHECK_EQ(basis.directions.cols(), 12);
    check_basis(x, basis, 0);
  }
  CHECK_EQ(basis_of(Matrix<float>(9, 0)).directions.cols(), 0);
  CHECK_EQ(basis_of(Matrix<float>(9, 4)).directions.cols(), 0);
  CHECK_EQ(basis_of(Matrix<float>(9, 4)).coordinates.cols(), 4);
}

TEST("truncate: the best fit, its norm and what it cuts agree with a dense SVD") {
  test::Random random(11);
  ops::Executor executor(2, never);
  for (const auto& [rows, cols] :
       std::vector<std::pair<int, int>>{{30, 30}, {40, 12}, {12, 40}, {1, 9}, {9, 1}, {1, 1}}) {
    const Dense a = test::random_matrix<double>(random, rows, cols);
    const test::Svd svd = test::jacobi_svd(a);
    for (const std::int64_t rank : {1, 3, 11, 100}) {
      const auto cut = linalg::truncate(a, rank, 0, executor);
      const auto full = static_cast<std::int64_t>(svd.sigma.size());
      CHECK_EQ(cut.left.cols(), std::min(rank, full));
      const Dense fit = test::multiply(cut.left, test::transpose(cut.right));
      CHECK(test::relative_difference(fit, test::best_fit(a, rank)) < 1e-12);
      double energy = 0;
      for (std::int64_t k = rank; k < full; ++k) energy += svd.sigma[k] * svd.sigma[k];
      CHECK_NEAR(cut.norm, test::norm(a), 1e-13 * test::norm(a));
      CHECK_NEAR(cut.discarded, std::sqrt(energy) / test::norm(a), 1e-13);
      if (rank >= full) CHECK_EQ(cut.discarded, 0.0);
      for (std::int64_t k = 0; k < cut.left.cols(); ++k) {  // sqrt(sigma) on each side
        double left = 0;
        double right = 0;
        for (std::int64_t i = 0; i < rows; ++i) left += cut.left(i, k) * cut.left(i, k);
        for (std::int64_t i = 0; i < cols; ++i) right += cut.right(i, k) * cut.right(i, k);
        CHECK_NEAR(left, svd.sigma[k], 1e-12);
        CHECK_NEAR(right, svd.sigma[k], 1e-12);
      }
    }
  }
}

TEST("truncate: singular values down to 1e-7 of the largest are known to eight digits") {
  test::Random random(12);
  ops::Executor executor(1, never);
  const std::int64_t n = 10;
  const test::Svd frame = test::jacobi_svd(test::random_matrix<double>(random, n, n));
  Dense a(n, n);
  for (std::int64_t k = 0; k < n; ++k) {
    const double sigma = std::pow(10.0, -static_cast<double>(k) * 6 / 9);
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) a(i, j) += sigma * frame.u(i, k) * frame.v(j, k);
    }
  }
  const auto cut = linalg::truncate(a, n - 1, 0, executor);
  CHECK_EQ(cut.left.cols(), n - 1);
  CHECK_NEAR(cut.discarded * cut.norm / 1e-6, 1, 1e-8);
}

TEST("truncate: zero, noise and a rank that is there are told apart") {
  test::Random random(13);
  ops::Executor executor(1, never);
  const auto zero = linalg::truncate(Dense(5, 6), 3, 0, executor);
  CHECK_EQ(zero.left.cols(), 0);
  CHECK_EQ(zero.left.rows(), 5);
  CHECK_EQ(zero.right.rows(), 6);
  CHECK_EQ(zero.norm, 0.0);
  CHECK_EQ(zero.discarded, 0.0);
  Dense noise = test::random_matrix<double>(random, 5, 6);
  for (std::int64_t i = 0; i < noise.size(); ++i) noise.data()[i] *= 1e-16;
  CHECK_EQ(linalg::truncate(noise, 3, 1e-14, executor).left.cols(), 0);
  CHECK_EQ(linalg::truncate(noise, 3, 1e-14, executor).norm, 0.0);
  CHECK_EQ(linalg::truncate(noise, 3, 0, executor).left.cols(), 3);
  const Dense low_rank =
      test::multiply(test::random_matrix<double>(random, 20, 4), test::random_matrix<double>(random, 4, 20));
  const auto cut = linalg::truncate(low_rank, 9, 0, executor);
  CHECK_EQ(cut.left.cols(), 4);
  CHECK_EQ(cut.discarded, 0.0);
  Dense tiny = low_rank.copy();
  for (std::int64_t i = 0; i < tiny.size(); ++i) tiny.data()[i] *= 1e-250;
  const auto small = linalg::truncate(tiny, 2, 0, executor);
  CHECK_NEAR(small.discarded, linalg::truncate(low_rank, 2, 0, executor).discarded, 1e-12);
}
