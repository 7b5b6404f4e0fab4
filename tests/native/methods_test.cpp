// The four methods against values printed by PEFT (research page "merge-methods", 2.6, PEFT 0.21.0) and the identities
// that the registry declares for them.
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "merge_fixture.h"
#include "methods/method.h"
#include "methods/read_params.h"
#include "runner.h"

using namespace amalgam;
using core::Json;
using test::Adapter;
using test::Dense;
using test::Merge;

namespace {

core::Matrix<float> matrix(std::int64_t rows, std::int64_t cols, const std::vector<double>& values) {
  core::Matrix<float> result(rows, cols);
  for (std::int64_t i = 0; i < result.size(); ++i)
    result.data()[i] = static_cast<float>(values[static_cast<std::size_t>(i)]);
  return result;
}

/// The adapters of merge-methods 2.6: a linear layer from 4 to 3.
Adapter printed_a() {
  Adapter adapter{{}, 2, core::DType::F32};
  adapter.modules["layer"] = {matrix(2, 4, {1, -2, .5, 3, .25, 4, -1, 2.5}), matrix(3, 2, {1, .5, -2, .75, .3, -1.5})};
  return adapter;
}
Adapter printed_b() {
  Adapter adapter{{}, 0.5, core::DType::F32};
  adapter.modules["layer"] = {matrix(2, 4, {-.5, 1.5, 2, -1.25, 3.5, .75, -.2, 1.1}),
                              matrix(3, 2, {.6, -1, 1.2, .4, -.7, 2.2})};
  return adapter;
}

void check_printed(const Merge& merge, const std::vector<double>& expected, double tolerance) {
  const Adapter a = printed_a();
  const Adapter b = printed_b();
  const Dense delta = test::run({&a, &b}, merge).deltas.at("layer").copy();
  for (std::int64_t i = 0; i < delta.size(); ++i)
    CHECK_NEAR(delta.data()[i], expected[static_cast<std::size_t>(i)], tolerance);
}

Merge of(std::string method, std::vector<double> coefficients, std::int64_t rank = -1) {
  Merge merge;
  merge.method = std::move(method);
  merge.coefficients = std::move(coefficients);
  merge.rank = rank;
  return merge;
}

/// One module of random shape; equal ranks on request.
Adapter random_adapter(test::Random& random, std::int64_t out, std::int64_t in, std::int64_t rank, double scaling) {
  Adapter adapter{{}, scaling, core::DType::F32};
  adapter.modules["m"] = test::random_factors(random, out, in, rank, core::DType::F32);
  return adapter;
}

struct Shape {
  std::int64_t out;
  std::int64_t in;
  std::int64_t rank;
};
const std::vector<Shape> shapes{{40, 30, 4}, {12, 70, 5}, {70, 12, 3}, {20, 20, 1}, {6, 25, 8}, {25, 6, 4}};

/// A method with the rank that keeps everything of two adapters of `rank`.
Merge whole(const std::string& method, std::vector<double> coefficients) { return of(method, std::move(coefficients)); }

const std::vector<std::string> all_methods{"concat", "linear", "average", "peft_linear"};

Dense merged_delta(const std::vector<const Adapter*>& adapters, const Merge& merge) {
  return test::run(adapters, merge).deltas.at("m").copy();
}

/// The methods that keep all units exactly, and those cut in the core at a rank that loses nothing.
void for_every_method(const std::function<void(const std::string& method, bool through_the_core)>& check) {
  for (const std::string& method : all_methods) check(method, false);
  for (const char* method : {"linear", "average"}) check(method, true);
}

Json empty_object() { return Json::object({}); }

}  // namespace

TEST("printed values: concat and untruncated linear are PEFT's cat") {
  const std::vector<double> plus{.815, .03, .28, 5.58, -2.3775, 10.22, -1.986, -5.987, 1.505, -9.12, 1.942, -3.331};
  const std::vector<double> minus{2.335, -.03, -.28, 6.32, -2.6975, 9.38, -2.914, -5.563, -1.715, -9.36, 2.678, -4.649};
  for (const char* method : {"concat", "linear"}) {
    check_printed(of(method, {.7, .4}), plus, 2e-5);
    check_printed(of(method, {.7, -.4}), minus, 2e-5);
  }
  check_printed(of("linear", {.7, .4}, 3), plus, 2e-5);  // rank 3 is all a 3 x 4 matrix has
  check_printed(of("linear", {.7, -.4}, 3), minus, 2e-5);
}

TEST("printed values: linear cut to rank 2 is PEFT's svd") {
  check_printed(
      of("linear", {.7, .4}, 2),
      {.59054, -.05374, .07084, 5.60549, -2.50837, 10.17117, -2.10795, -5.97214, 1.36121, -9.17364, 1.80801, -3.31467},
      1e-4);
}

TEST("printed values: peft_linear is PEFT's linear") {
  check_printed(
      of("peft_linear", {.7, .4}),
      {1.66164, -1.72942, 1.97328, 4.83919, .22857, 8.50688, -4.07614, -1.79348, -1.43178, -4.07984, 1.0689, -2.60342},
      2e-5);
  check_printed(
      of("peft_linear", {.7, -.4}),
      {1.85876, -3.77374, -.59749, 6.32, -3.92777, 10.24648, -.6122, -4.88833, 1.06304, -3.60549, .85243, -1.77836},
      2e-5);
}

TEST("average is the mean of the updates, whatever the coefficients say") {
  const Adapter a = printed_a();
  const Adapter b = printed_b();
  const Dense mean = test::dense_sum({&a, &b}, {.5, .5}, "layer");
  const std::vector<double> values(mean.data(), mean.data() + mean.size());
  check_printed(of("average", {}), values, 2e-5);
  check_printed(of("average", {.7, -.4}), values, 2e-5);
  check_printed(of("average", {}, 3), values, 2e-5);
}

TEST("identity: one adapter at coefficient 1 returns itself") {
  for_every_method([](const std::string& method, bool through_the_core) {
    test::Random random(21);
    for (const Shape& shape : shapes) {
      const Adapter a = random_adapter(random, shape.out, shape.in, shape.rank, 0.75);
      // Cut where the factors have more units than the matrix has ranks, the core keeps them all.
      const std::int64_t kept = through_the_core ? std::min({shape.rank, shape.out, shape.in}) : -1;
      const Dense expected = test::delta_of(a, "m");
      CHECK(test::relative_difference(merged_delta({&a}, of(method, {}, kept)), expected) < 1e-6);
    }
  });
}

TEST("identity: negating every coefficient negates the result (not for average)") {
  for_every_method([](const std::string& method, bool through_the_core) {
    test::Random random(22);
    for (const Shape& shape : shapes) {
      const Adapter a = random_adapter(random, shape.out, shape.in, shape.rank, 2);
      const Adapter b = random_adapter(random, shape.out, shape.in, shape.rank, 0.5);
      const std::int64_t kept = through_the_core ? 1 : -1;
      const Dense plus = merged_delta({&a, &b}, of(method, {.7, -.3}, kept));
      Dense minus = merged_delta({&a, &b}, of(method, {-.7, .3}, kept));
      if (method != "average") {
        for (std::int64_t i = 0; i < minus.size(); ++i) minus.data()[i] = -minus.data()[i];
      }
      CHECK(test::relative_difference(minus, plus) < 1e-6);
    }
  });
}

TEST("identity: the order of the adapters does not matter") {
  for_every_method([](const std::string& method, bool through_the_core) {
    test::Random random(23);
    for (const Shape& shape : shapes) {
      const Adapter a = random_adapter(random, shape.out, shape.in, shape.rank, 2);
      const Adapter b = random_adapter(random, shape.out, shape.in, shape.rank, 0.5);
      const Adapter c = random_adapter(random, shape.out, shape.in, shape.rank, 1);
      const std::int64_t kept = through_the_core ? 2 : -1;
      const Dense one = merged_delta({&a, &b, &c}, of(method, {.7, -.3, .2}, kept));
      const Dense other = merged_delta({&c, &a, &b}, of(method, {.2, .7, -.3}, kept));
      CHECK(test::relative_difference(other, one) < 1e-6);
    }
  });
}

TEST("identity: another split of an update into factors changes nothing (but for peft_linear, by a lot)") {
  for_every_method([](const std::string& method, bool through_the_core) {
    test::Random random(24);
    const Adapter a = random_adapter(random, 40, 30, 4, 2);
    const Adapter b = random_adapter(random, 40, 30, 4, 0.5);
    // (B, A) -> (B inverse(M), M A) for the first adapter, with M = diag(8, -1/4, 2, 1) and two units swapped.
    Adapter turned = test::copy_of(a);
    test::Factors& factors = turned.modules["m"];
    const double scale[] = {8, -.25, 2, 1};
    const int place[] = {1, 0, 2, 3};
    for (int u = 0; u < 4; ++u) {
      for (int j = 0; j < 30; ++j) factors.a(place[u], j) = static_cast<float>(scale[u] * a.modules.at("m").a(u, j));
      for (int i = 0; i < 40; ++i) factors.b(i, place[u]) = static_cast<float>(a.modules.at("m").b(i, u) / scale[u]);
    }
    const std::int64_t kept = through_the_core ? 3 : -1;
    const double difference = test::relative_difference(merged_delta({&turned, &b}, of(method, {.7, .4}, kept)),
                                                        merged_delta({&a, &b}, of(method, {.7, .4}, kept)));
    if (method == "peft_linear") {
      CHECK(difference > 0.1);
    } else {
      CHECK(difference < 1e-6);
    }
  });
}

TEST("identity: an adapter and itself at coefficient -1 give zero (but for average)") {
  for_every_method([](const std::string& method, bool through_the_core) {
    test::Random random(25);
    for (const Shape& shape : shapes) {
      const Adapter a = random_adapter(random, shape.out, shape.in, shape.rank, 2);
      const std::int64_t kept = through_the_core ? 1 : -1;
      const auto merged = test::run({&a, &a}, of(method, {1, -1}, kept));
      const double left = test::norm(merged.deltas.at("m")) / test::norm(test::delta_of(a, "m"));
      if (method == "average") {
        CHECK(left > 0.1);
        continue;
      }
      CHECK(left < 1e-6);
      if (through_the_core) {
        const Json& row = test::module_row(merged.result, "m");
        CHECK_EQ(row.get_int("rank"), 0);
        CHECK_EQ(row.get_number("norm"), 0.0);
        CHECK_EQ(row.get_number("discardedEnergy"), 0.0);
        CHECK_EQ(test::norm(merged.deltas.at("m")), 0.0);
      }
    }
  });
}

TEST("identity: n equal copies at 1/n return the adapter (peft_linear returns n times it)") {
  for_every_method([](const std::string& method, bool through_the_core) {
    test::Random random(26);
    for (const Shape& shape : shapes) {
      const Adapter a = random_adapter(random, shape.out, shape.in, shape.rank, 1.5);
      const std::int64_t kept = through_the_core ? std::min({shape.rank, shape.out, shape.in}) : -1;
      Dense expected = test::delta_of(a, "m");
      const std::vector<double> coefficients =
          method == "average" ? std::vector<double>{} : std::vector<double>(3, 1.0 / 3);
      const Dense result = merged_delta({&a, &a, &a}, of(method, coefficients, kept));
      if (method == "peft_linear") {
        for (std::int64_t i = 0; i < expected.size(); ++i) expected.data()[i] *= 3;
      }
      CHECK(test::relative_difference(result, expected) < 1e-6);
    }
  });
}

TEST("peft_linear refuses unequal ranks and says what to use") {
  test::Random random(27);
  const Adapter a = random_adapter(random, 10, 10, 4, 1);
  const Adapter b = random_adapter(random, 10, 10, 3, 1);
  const auto error = CHECK_ERROR("request-invalid", test::run({&a, &b}, whole("peft_linear", {})));
  CHECK(error.hint.find("linear") != std::string::npos);
  const Adapter c = random_adapter(random, 10, 10, 2, 1);
  const Adapter d = random_adapter(random, 10, 10, 6, 1);
  CHECK_ERROR("request-invalid", test::run({&c, &d}, whole("peft_linear", {})));
  CHECK_ERROR("request-invalid", test::run({&d, &c}, whole("peft_linear", {})));
}

TEST("an unknown method is refused with the list of known ones") {
  const Json params = empty_object();
  const auto error = CHECK_ERROR("unknown-method", methods::bind_method("tiez", {params, {}}));
  CHECK(error.hint.starts_with("Methods: concat, linear, average, peft_linear"));
}

TEST("parameters that a method does not have are refused, at both levels") {
  const Json params = Json::object({{"density", 0.5}});
  const Json none = empty_object();
  const auto error = CHECK_ERROR("parameter-invalid", methods::bind_method("linear", {params, {}}));
  CHECK_EQ(std::string(error.what()), "job.params.density is no parameter of this method.");
  const auto adapter_error = CHECK_ERROR("parameter-invalid", methods::bind_method("concat", {none, {&none, &params}}));
  CHECK_EQ(std::string(adapter_error.what()), "job.adapters[1].params.density is no parameter of this method.");
}

TEST("parameters are read by type, and there are no defaults") {
  const Json values = Json::object({{"density", 0.25}, {"k", 7}, {"flag", true}, {"variant", "count"}, {"half", 1.5}});
  const methods::ParamObject params{values, "job.params"};
  CHECK_EQ(methods::read_number(params, "density"), 0.25);
  CHECK_EQ(methods::read_number(params, "k"), 7.0);
  CHECK_EQ(methods::read_integer(params, "k"), 7);
  CHECK(methods::read_flag(params, "flag"));
  enum class Variant { paper, count };
  const auto read = [&](std::string_view id) {
    return methods::read_choice<Variant>(params, id, {{"paper", Variant::paper}, {"count", Variant::count}});
  };
  CHECK(read("variant") == Variant::count);
  CHECK_ERROR("parameter-invalid", methods::read_number(params, "flag"));
  CHECK_ERROR("parameter-invalid", methods::read_integer(params, "half"));
  CHECK_ERROR("parameter-invalid", methods::read_flag(params, "k"));
  const auto choice = CHECK_ERROR("parameter-invalid", read("k"));
  CHECK_EQ(std::string(choice.what()), "job.params.k must be one of paper, count.");
  const auto missing = CHECK_ERROR("parameter-invalid", methods::read_integer(params, "restarts"));
  CHECK_EQ(std::string(missing.what()), "job.params.restarts is missing.");
}
