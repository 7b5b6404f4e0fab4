// Singular values of an update against known ones.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "linalg/gram.h"
#include "linalg/symmetric_eigen.h"
#include "lora/inspect.h"
#include "lora/spectrum.h"
#include "merge_fixture.h"
#include "ops/executor.h"
#include "ops/gemm.h"
#include "runner.h"

using namespace amalgam;
using core::DType;
using core::Json;
using core::Matrix;
using test::Dense;

namespace {

const core::CancelToken never;

/// Orthonormal columns, by Gram and Schmidt.
Dense orthonormal(test::Random& random, std::int64_t rows, std::int64_t cols) {
  Dense x = test::to_dense(test::random_matrix<float>(random, rows, cols));
  for (int repeat = 0; repeat < 2; ++repeat) {
    for (std::int64_t j = 0; j < cols; ++j) {
      for (std::int64_t k = 0; k < j; ++k) {
        double overlap = 0;
        for (std::int64_t i = 0; i < rows; ++i) overlap += x(i, j) * x(i, k);
        for (std::int64_t i = 0; i < rows; ++i) x(i, j) -= overlap * x(i, k);
      }
      double length = 0;
      for (std::int64_t i = 0; i < rows; ++i) length += x(i, j) * x(i, j);
      for (std::int64_t i = 0; i < rows; ++i) x(i, j) /= std::sqrt(length);
    }
  }
  return x;
}

/// Singular values of B A, from the factors' Gram matrices in double.
std::vector<double> spectrum(const Dense& b, const Dense& a) {
  ops::Executor executor(1, never);
  return lora::singular_values(test::multiply(test::transpose(b), b), test::multiply(a, test::transpose(a)), executor);
}

/// U diag(sigma) V^T as factors B = U and A = diag(sigma) V^T.
struct Known {
  Dense b;
  Dense a;
};
Known with_values(const std::vector<double>& sigma, std::int64_t out, std::int64_t in, int seed) {
  test::Random random(static_cast<unsigned>(seed));
  const auto rank = static_cast<std::int64_t>(sigma.size());
  Known known{orthonormal(random, out, rank), test::transpose(orthonormal(random, in, rank))};
  for (std::int64_t k = 0; k < rank; ++k) {
    for (std::int64_t j = 0; j < in; ++j) known.a(k, j) *= sigma[static_cast<std::size_t>(k)];
  }
  return known;
}

/// The same update in other factors: B G and G^-1 A, with G = 1 + strictly lower part, then each unit scaled.
Known regauged(const Known& known, double spread) {
  Known other{Dense(known.b.rows(), known.b.cols()), Dense(known.a.rows(), known.a.cols())};
  const std::int64_t rank = known.b.cols();
  for (std::int64_t k = 0; k < rank; ++k) {
    for (std::int64_t i = 0; i < known.b.rows(); ++i) {
      other.b(i, k) = known.b(i, k) + (k + 1 < rank ? 0.5 * known.b(i, k + 1) : 0);
    }
  }
  for (std::int64_t k = 0; k < rank; ++k) {  // row k of G^-1 A: a_k - 0.5 row k - 1
    for (std::int64_t j = 0; j < known.a.cols(); ++j) {
      other.a(k, j) = known.a(k, j) - (k > 0 ? 0.5 * other.a(k - 1, j) : 0);
    }
  }
  for (std::int64_t k = 0; k < rank; ++k) {
    const double scale = std::pow(spread, static_cast<double>(k) / static_cast<double>(rank - 1));
    for (std::int64_t i = 0; i < known.b.rows(); ++i) other.b(i, k) *= scale;
    for (std::int64_t j = 0; j < known.a.cols(); ++j) other.a(k, j) /= scale;
  }
  return other;
}

}  // namespace

TEST("known singular values come back, whatever the gauge") {
  const std::vector<double> sigma{9, 4, 1, 1, 0.25, 0.01, 1e-4};
  const Known known = with_values(sigma, 60, 45, 5);
  for (const double spread : {1.0, 1e3, 1e9}) {
    const std::vector<double> found = spread == 1.0 ? spectrum(known.b, known.a) : [&] {
      const Known other = regauged(known, spread);
      return spectrum(other.b, other.a);
    }();
    CHECK_EQ(found.size(), sigma.size());
    for (std::size_t k = 0; k < sigma.size(); ++k) CHECK_NEAR(found[k], sigma[k], 1e-6 * sigma[0]);
    for (std::size_t k = 0; k < 5; ++k) CHECK_NEAR(found[k] / sigma[k], 1, 1e-9);
  }
}

TEST("directions that do not exist have the singular value 0") {
  const std::vector<double> sigma{3, 2, 0, 0};
  const std::vector<double> found = spectrum(with_values(sigma, 20, 30, 6).b, with_values(sigma, 20, 30, 6).a);
  CHECK_NEAR(found[0], 3, 1e-12);
  CHECK_NEAR(found[1], 2, 1e-12);
  CHECK_EQ(found[2], 0.0);
  CHECK_EQ(found[3], 0.0);
}

TEST("more units than the sides have, equal units, zero factors") {
  test::Random random(7);
  const Dense b = test::to_dense(test::random_matrix<float>(random, 3, 8));
  const Dense a = test::to_dense(test::random_matrix<float>(random, 8, 5));
  const std::vector<double> found = spectrum(b, a);
  const Dense delta = test::multiply(b, a);
  double squares = 0;
  for (std::int64_t i = 0; i < delta.size(); ++i) squares += delta.data()[i] * delta.data()[i];
  double sum = 0;
  for (const double value : found) sum += value * value;
  CHECK_EQ(found.size(), std::size_t{8});
  CHECK_NEAR(sum / squares, 1, 1e-12);
  for (std::size_t k = 3; k < 8; ++k) CHECK_EQ(found[k], 0.0);
  CHECK(std::is_sorted(found.rbegin(), found.rend()));

  Dense twice(4, 2);
  Dense rows(2, 6);
  for (std::int64_t i = 0; i < 4; ++i) twice(i, 0) = twice(i, 1) = 0.5;
  for (std::int64_t j = 0; j < 6; ++j) rows(0, j) = rows(1, j) = 1;
  const std::vector<double> one = spectrum(twice, rows);  // 2 * |b| * |a| = 2 * 1 * sqrt(6)
  CHECK_NEAR(one[0], 2 * std::sqrt(6.0), 1e-12);
  CHECK_EQ(one[1], 0.0);

  for (const double value : spectrum(Dense(4, 2), rows)) CHECK_EQ(value, 0.0);
}

namespace {

Json inspected(const test::Adapter& adapter) {
  const std::string path = test::fresh_folder() + "/adapter";
  test::write_adapter(path, adapter);
  Json modules = Json::array();
  for (const auto& [name, factors] : adapter.modules) {
    modules.push(Json::object({{"name", name},
                               {"a", test::a_name(name)},
                               {"b", test::b_name(name)},
                               {"rank", factors.a.rows()},
                               {"scaling", adapter.scaling}}));
  }
  core::Progress progress;
  return lora::run_inspect(Json::object({{"weightsFile", path}, {"modules", modules}, {"threads", 1}}), progress,
                           never);
}

}  // namespace

TEST("an inspection gives the singular values of scaling * B * A in any dtype; their squares sum to the norm's") {
  for (const DType dtype : {DType::F32, DType::BF16}) {
    test::Random random(8);
    test::Adapter adapter{{}, -0.5, dtype};
    adapter.modules["m"] = test::random_factors(random, 40, 25, 4, dtype);
    const Json module = inspected(adapter).get_array("modules")[0];
    // The dense way: eigenvalues of D^T D.
    const Dense delta = test::delta_of(adapter, "m");
    ops::Executor executor(1, never);
    const auto dense = linalg::symmetric_eigen(test::multiply(test::transpose(delta), delta), executor).values;
    const Json::Array& values = module.get_array("singularValues");
    CHECK_EQ(values.size(), std::size_t{4});
    double squares = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const double value = values[k].as_number("value");
      CHECK_NEAR(value / std::sqrt(dense[k]), 1, 1e-10);
      squares += value * value;
    }
    CHECK_NEAR(std::sqrt(squares) / module.get_number("norm"), 1, 1e-12);
  }
}

TEST("above rank 512 there is a norm and no spectrum") {
  test::Random random(9);
  for (const std::int64_t rank : {512, 513}) {
    test::Adapter adapter{{}, 1, DType::F32};
    adapter.modules["m"] = test::random_factors(random, 6, 5, rank, DType::F32);
    const Json module = inspected(adapter).get_array("modules")[0];
    CHECK_EQ(module.at("singularValues").is_null(), rank > 512);
    CHECK_NEAR(module.get_number("norm") / test::norm(test::delta_of(adapter, "m")), 1, 1e-12);
    if (rank == 512) CHECK_EQ(module.get_array("singularValues").size(), std::size_t{512});
  }
}

TEST("kurtosis is the fourth central moment over the squared variance; null for equal numbers") {
  test::Random random(10);
  test::Adapter adapter{{}, 1, DType::F32};
  adapter.modules["m"] = test::random_factors(random, 6, 333, 7, DType::F32);
  Matrix<float>& a = adapter.modules["m"].a;
  for (std::int64_t i = 0; i < a.size(); ++i) a.data()[i] = a.data()[i] * a.data()[i] * a.data()[i] + 0.25f;
  long double mean = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) mean += a.data()[i];
  mean /= static_cast<long double>(a.size());
  long double second = 0;
  long double fourth = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) {
    const long double d = a.data()[i] - mean;
    second += d * d;
    fourth += d * d * d * d;
  }
  const auto count = static_cast<long double>(a.size());
  const auto expected = static_cast<double>(fourth / count / (second / count * second / count));
  CHECK_NEAR(inspected(adapter).get_array("modules")[0].get_number("kurtosisA") / expected, 1, 1e-11);
  for (std::int64_t i = 0; i < a.size(); ++i) a.data()[i] = 0.5f;
  CHECK(inspected(adapter).get_array("modules")[0].at("kurtosisA").is_null());
}
