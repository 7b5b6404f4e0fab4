// Matrix products against a plain triple loop that follows the documented order of summation, bit for bit.
#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "core/bf16.h"
#include "ops/cpu/kernels.h"
#include "ops/gemm.h"
#include "random_matrix.h"
#include "runner.h"

using namespace amalgam;
using core::InstructionSet;
using core::Matrix;
using ops::Into;
using ops::Strided;

namespace {

const core::CancelToken never;

struct Shape {
  std::int64_t m;
  std::int64_t n;
  std::int64_t k;
};

// Smaller than a tile, exact tiles, one over, several blocks of k, more columns and rows than one panel holds, and many
// rows of so few columns that they are made turned round, on one thread and on several.
const std::vector<Shape> shapes{{1, 1, 1},      {3, 5, 7},    {12, 32, 384}, {13, 33, 385},
                                {1, 40, 900},   {40, 1, 900}, {64, 16, 770}, {16, 600, 50},
                                {160, 50, 400}, {200, 1, 1},  {5, 1100, 3},  {150, 530, 20},
                                {130, 9, 770},  {1000, 24, 50}};

std::vector<InstructionSet> sets_with_fused_products() {
  std::vector<InstructionSet> sets;
#if defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF)
  sets.push_back(InstructionSet::portable);
#endif
  for (const InstructionSet set : {InstructionSet::avx2, InstructionSet::avx512}) {
    if (set <= core::best_instruction_set()) sets.push_back(set);
  }
  return sets;
}

/// The order that gemm.h promises. `fuse` false: two roundings per step.
template <typename Sum, typename A, typename B>
Matrix<Sum> plain_product(Strided<A> a, Strided<B> b, const Matrix<Sum>* start, bool fuse, Sum (*widen)(B)) {
  Matrix<Sum> c(a.rows, b.cols);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < b.cols; ++j) {
      Sum total = start ? (*start)(i, j) : Sum(0);
      for (std::int64_t block = 0; block < a.cols; block += ops::gemm_k_block) {
        Sum sum = 0;
        for (std::int64_t k = block; k < std::min(block + ops::gemm_k_block, a.cols); ++k) {
          const Sum x = static_cast<Sum>(a.data[i * a.row_stride + k * a.col_stride]);
          const Sum y = widen(b.data[k * b.row_stride + j * b.col_stride]);
          sum = fuse ? std::fma(x, y, sum) : x * y + sum;
        }
        total = start || block > 0 ? total + sum : sum;
      }
      c(i, j) = total;
    }
  }
  return c;
}

template <typename T>
T same(T value) {
  return value;
}
double wider(float value) { return value; }
float from_f16(ops::F16 value) { return core::f16_to_f32(static_cast<std::uint16_t>(value)); }
float from_bf16(ops::Bf16 value) { return core::bf16_to_f32(static_cast<std::uint16_t>(value)); }

template <typename T>
bool equal_bits(const Matrix<T>& x, const Matrix<T>& y) {
  return x.rows() == y.rows() && x.cols() == y.cols() && std::memcmp(x.data(), y.data(), x.bytes()) == 0;
}

std::string named(InstructionSet set, int threads, const Shape& shape) {
  return std::string(core::instruction_set_name(set)) + ", " + std::to_string(threads) + " threads, " +
         std::to_string(shape.m) + "x" + std::to_string(shape.n) + "x" + std::to_string(shape.k);
}

/// Runs every shape, set and thread count with both ways of storing each input, overwriting and accumulating.
template <typename Sum, typename A, typename B>
void check_all(Sum (*widen)(B), Matrix<B> (*make_b)(test::Random&, std::int64_t, std::int64_t)) {
  test::Random random(42);
  for (const Shape& shape : shapes) {
    const bool transpose_a = random.bits() & 1;
    const bool transpose_b = random.bits() & 1;
    const Matrix<A> a_data = transpose_a ? test::random_matrix<A>(random, shape.k, shape.m)
                                         : test::random_matrix<A>(random, shape.m, shape.k);
    const Matrix<B> b_data = transpose_b ? make_b(random, shape.n, shape.k) : make_b(random, shape.k, shape.n);
    const auto a = transpose_a ? ops::strided(a_data).transposed() : ops::strided(a_data);
    const auto b = transpose_b ? ops::strided(b_data).transposed() : ops::strided(b_data);
    const Matrix<Sum> start = test::random_matrix<Sum>(random, shape.m, shape.n);
    const Matrix<Sum> fresh = plain_product<Sum, A, B>(a, b, nullptr, true, widen);
    const Matrix<Sum> added = plain_product<Sum, A, B>(a, b, &start, true, widen);
    for (const InstructionSet set : sets_with_fused_products()) {
      for (int threads = 1; threads <= 3; ++threads) {
        ops::Executor executor(threads, never, set);
        Matrix<Sum> c(shape.m, shape.n);
        std::fill_n(c.data(), c.size(), Sum(1e30));
        ops::gemm(executor, a, b, c.view(), Into::overwrite);
        if (!equal_bits(c, fresh)) test::fail("overwrite: " + named(set, threads, shape), AMALGAM_HERE);
        c = start.copy();
        ops::gemm(executor, a, b, c.view(), Into::accumulate);
        if (!equal_bits(c, added)) test::fail("accumulate: " + named(set, threads, shape), AMALGAM_HERE);
      }
    }
    // The portable path keeps the order; without fused products its roundings are those of the two-rounding loop.
    ops::Executor portable(2, never, InstructionSet::portable);
    Matrix<Sum> c(shape.m, shape.n);
    ops::gemm(portable, a, b, c.view(), Into::overwrite);
#if defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF)
    CHECK(equal_bits(c, fresh));
#else
    CHECK(equal_bits(c, plain_product<Sum, A, B>(a, b, nullptr, false, widen)));
#endif
  }
}

Matrix<ops::Bf16> random_bf16(test::Random& random, std::int64_t rows, std::int64_t cols) {
  Matrix<ops::Bf16> matrix(rows, cols);
  for (std::int64_t i = 0; i < matrix.size(); ++i) {
    matrix.data()[i] = static_cast<ops::Bf16>(core::f32_to_bf16(static_cast<float>(random.number())));
  }
  return matrix;
}

Matrix<ops::F16> random_f16(test::Random& random, std::int64_t rows, std::int64_t cols) {
  Matrix<ops::F16> matrix(rows, cols);
  for (std::int64_t i = 0; i < matrix.size(); ++i) {
    matrix.data()[i] = static_cast<ops::F16>(core::f32_to_f16(static_cast<float>(random.number())));
  }
  return matrix;
}

}  // namespace

TEST("float products have the documented bits for every instruction set, thread count, shape and layout") {
  check_all<float, float, float>(same<float>, test::random_matrix<float>);
}

TEST("products with bfloat16 B have the bits of the widened B") {
  check_all<float, float, ops::Bf16>(from_bf16, random_bf16);
}

TEST("products with float16 B have the bits of the widened B") {
  check_all<float, float, ops::F16>(from_f16, random_f16);
}

TEST("every float16 number is widened exactly, in whole strips and in their rests") {
  Matrix<ops::F16> halves(1 << 10, 64);
  for (std::int64_t i = 0; i < halves.size(); ++i) halves.data()[i] = static_cast<ops::F16>(i);
  for (const InstructionSet set : {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512}) {
    if (set > core::best_instruction_set()) continue;
    const auto pack = ops::cpu::kernels(set).f32.pack_cols_f16;
    const std::int64_t width = ops::cpu::kernels(set).f32.tile_cols;
    for (const std::int64_t count : {width, width - 1}) {
      std::vector<float> packed(static_cast<std::size_t>(width * 64));
      for (std::int64_t row = 0; row + width <= halves.rows(); row += width) {
        pack(halves.row(row), 64, 1, count, 64, packed.data());
        for (std::int64_t i = 0; i < count; ++i) {
          for (std::int64_t d = 0; d < 64; ++d) {
            CHECK_EQ(std::bit_cast<std::uint32_t>(packed[static_cast<std::size_t>(d * width + i)]),
                     std::bit_cast<std::uint32_t>(from_f16(halves(row + i, d))));
          }
        }
      }
    }
  }
}

TEST("double products have the documented bits, from double and from float inputs") {
  check_all<double, double, double>(same<double>, test::random_matrix<double>);
  check_all<double, double, float>(wider, test::random_matrix<float>);
  check_all<double, float, double>(same<double>, test::random_matrix<double>);
  check_all<double, float, float>(wider, test::random_matrix<float>);
}

TEST("x^T x has the bits of the product, in both halves, at every size around the tiles") {
  test::Random random(8);
  for (const std::int64_t n : {1, 11, 12, 13, 31, 33, 128, 150, 530, 1100}) {
    const std::int64_t k = n > 500 ? 20 : 400;
    const Matrix<float> x = test::random_matrix<float>(random, k, n);
    const Matrix<double> wide = test::random_matrix<double>(random, n, k);
    for (const InstructionSet set : {InstructionSet::portable, core::best_instruction_set()}) {
      for (int threads = 1; threads <= 3; ++threads) {
        ops::Executor executor(threads, never, set);
        const auto check = [&]<typename Source, typename Sum>(Strided<Source> source, Sum) {
          Matrix<Sum> product(n, n);
          Matrix<Sum> symmetric(n, n);
          ops::gemm(executor, source.transposed(), source, product.view(), Into::overwrite);
          ops::gram(executor, source, symmetric.view());
          if (!equal_bits(symmetric, product)) test::fail("gram: " + named(set, threads, {n, n, k}), AMALGAM_HERE);
        };
        check(ops::strided(x), float());
        check(ops::strided(x), double());
        check(ops::strided(wide).transposed(), double());
      }
    }
  }
}

TEST("strides of both kinds at once, and rows of C that lie apart, are honoured") {
  test::Random random(1);
  const Matrix<float> wide = test::random_matrix<float>(random, 60, 90);
  const Strided<float> every_third{wide.data(), 20, 30, 3 * 90, 3};
  const Strided<float> b{wide.data() + 7, 30, 25, 90, 2};
  const Matrix<float> expected = plain_product<float, float, float>(every_third, b, nullptr, true, same<float>);
  for (const InstructionSet set : sets_with_fused_products()) {
    ops::Executor executor(2, never, set);
    Matrix<float> space(20, 40);
    std::fill_n(space.data(), space.size(), 9.0f);
    ops::gemm(executor, every_third, b, space.view().col_range(5, 25), Into::overwrite);
    for (std::int64_t i = 0; i < 20; ++i) {
      for (std::int64_t j = 0; j < 40; ++j) CHECK_EQ(space(i, j), j < 5 || j >= 30 ? 9.0f : expected(i, j - 5));
    }
  }
}

TEST("a sum over nothing is zero, or leaves C as it was") {
  ops::Executor executor(2, never);
  const Matrix<float> a(3, 0);
  const Matrix<float> b(0, 2);
  Matrix<float> c(3, 2);
  std::fill_n(c.data(), 6, 5.0f);
  ops::gemm(executor, ops::strided(a), ops::strided(b), c.view(), Into::accumulate);
  CHECK_EQ(c(2, 1), 5.0f);
  ops::gemm(executor, ops::strided(a), ops::strided(b), c.view(), Into::overwrite);
  for (std::int64_t i = 0; i < 6; ++i) CHECK_EQ(c.data()[i], 0.0f);
  Matrix<float> nothing(0, 2);
  ops::gemm(executor, ops::strided(Matrix<float>(0, 4)), ops::strided(Matrix<float>(4, 2)), nothing.view(),
            Into::overwrite);
}

TEST("x^T x of nothing is zero") {
  ops::Executor executor(2, never);
  Matrix<double> c(3, 3);
  std::fill_n(c.data(), 9, 5.0);
  ops::gram(executor, ops::strided(Matrix<float>(0, 3)), c.view());
  for (std::int64_t i = 0; i < 9; ++i) CHECK_EQ(c.data()[i], 0.0);
  Matrix<float> nothing(0, 0);
  ops::gram(executor, ops::strided(Matrix<float>(4, 0)), nothing.view());
}

TEST("shapes that do not fit are a logic error") {
  ops::Executor executor(1, never);
  const Matrix<float> a(3, 4);
  const Matrix<float> b(5, 2);
  Matrix<float> c(3, 2);
  bool thrown = false;
  try {
    ops::gemm(executor, ops::strided(a), ops::strided(b), c.view(), Into::overwrite);
  } catch (const std::logic_error&) {
    thrown = true;
  }
  CHECK(thrown);
}

TEST("a product stops within 200 ms of the request") {
  test::Random random(3);
  const Matrix<double> x = test::random_matrix<double>(random, 1500, 1500);
  Matrix<double> c(1500, 1500);
  core::CancelToken cancel;
  ops::Executor executor(2, cancel);
  std::chrono::steady_clock::time_point asked;
  std::thread asker([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    asked = std::chrono::steady_clock::now();
    cancel.request();
  });
  const auto error = CHECK_ERROR("cancelled", [&] {
    for (int i = 0; i < 100000; ++i) ops::gemm(executor, ops::strided(x), ops::strided(x), c.view(), Into::overwrite);
  }());
  const auto waited = std::chrono::steady_clock::now() - asked;
  asker.join();
  CHECK(waited < std::chrono::milliseconds(200));
}

TEST("vector operations have equal bits on all sets with fused products, and the portable ones agree") {
  test::Random random(5);
  const auto sets = sets_with_fused_products();
  for (const std::int64_t n : {1, 7, 32, 33, 100, 515}) {
    const Matrix<double> x = test::random_matrix<double>(random, 1, n);
    const Matrix<double> y = test::random_matrix<double>(random, 1, n);
    double exact = 0;
    for (std::int64_t i = 0; i < n; ++i) exact += x(0, i) * y(0, i);
    CHECK_NEAR(ops::vector_ops(InstructionSet::portable).dot(x.data(), y.data(), n), exact, 1e-13);
    if (sets.empty()) continue;
    const double first = ops::vector_ops(sets[0]).dot(x.data(), y.data(), n);
    CHECK_NEAR(first, exact, 1e-13);
    for (const InstructionSet set : sets) {
      CHECK_EQ(ops::vector_ops(set).dot(x.data(), y.data(), n), first);
      Matrix<double> sum = y.copy();
      ops::vector_ops(set).axpy(0.3, x.data(), sum.data(), n);
      for (std::int64_t i = 0; i < n; ++i) CHECK_EQ(sum(0, i), std::fma(0.3, x(0, i), y(0, i)));
    }
  }
}

TEST("rotations turn two neighbouring rows, within the asked columns, in order") {
  test::Random random(6);
  const Matrix<double> start = test::random_matrix<double>(random, 4, 21);
  const std::vector<ops::Rotation> rotations{{2, 0.6, 0.8}, {1, 0.8, -0.6}, {0, 1.0, 0.0}};
  Matrix<double> expected = start.copy();
  for (const auto& rotation : rotations) {
    for (std::int64_t j = 2; j < 20; ++j) {
      const double x = expected(rotation.row, j);
      const double y = expected(rotation.row + 1, j);
      expected(rotation.row, j) = rotation.c * x - rotation.s * y;
      expected(rotation.row + 1, j) = rotation.s * x + rotation.c * y;
    }
  }
  for (const InstructionSet set : {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512}) {
    if (set > core::best_instruction_set()) continue;
    Matrix<double> z = start.copy();
    ops::vector_ops(set).rotate(z.data(), 21, 2, 20, rotations.data(), 3);
    for (std::int64_t i = 0; i < z.size(); ++i) CHECK_NEAR(z.data()[i], expected.data()[i], 1e-15);
  }
}
