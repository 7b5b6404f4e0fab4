// Reading factors into rank units: every dtype, stacking, tags, and what is refused.
#include <cmath>
#include <limits>
#include <vector>

#include "lora/factors.h"
#include "lora/unit_products.h"
#include "merge_fixture.h"
#include "runner.h"

using namespace amalgam;
using core::DType;
using test::Adapter;

namespace {

const core::CancelToken never;

Adapter one_module(test::Random& random, std::int64_t out, std::int64_t in, std::int64_t rank, DType dtype) {
  Adapter adapter{{}, 1, dtype};
  adapter.modules["m"] = test::random_factors(random, out, in, rank, dtype);
  return adapter;
}

core::SafetensorsReader written(const Adapter& adapter) {
  const std::string path = test::fresh_folder() + "/adapter";
  test::write_adapter(path, adapter);
  return core::SafetensorsReader(path);
}

lora::FactorPair factors_of(const core::SafetensorsReader& file, std::int64_t rank) {
  return lora::find_factors(file, test::a_name("m"), test::b_name("m"), rank);
}

}  // namespace

TEST("units of unequal ranks and dtypes are stacked side by side, with their tags and scales") {
  test::Random random(1);
  // Sides above the chunk length, so that a factor is read in several pieces.
  const std::int64_t out = 30000;
  const std::int64_t in = 70000;
  const Adapter f32 = one_module(random, out, in, 2, DType::F32);
  const Adapter bf16 = one_module(random, out, in, 3, DType::BF16);
  const Adapter f16 = one_module(random, out, in, 1, DType::F16);
  const auto file0 = written(f32);
  const auto file1 = written(bf16);
  const auto file2 = written(f16);
  const std::vector<lora::UnitSource> sources{
      {factors_of(file0, 2), 4, 2.0}, {factors_of(file1, 3), 0, -0.5}, {factors_of(file2, 1), 4, 1.0}};
  std::uint64_t read = 0;
  const lora::RankUnits units = lora::load_units(sources, {}, never, [&](std::uint64_t bytes) { read += bytes; });
  CHECK_EQ(units.count(), 6);
  CHECK_EQ(read, static_cast<std::uint64_t>((out + in) * (2 * 4 + 3 * 2 + 1 * 2)));
  CHECK(units.c == (std::vector<double>{2, 2, -.5, -.5, -.5, 1}));
  const int expected_source[] = {0, 0, 1, 1, 1, 2};
  const int expected_index[] = {0, 1, 0, 1, 2, 0};
  const int expected_adapter[] = {4, 4, 0, 0, 0, 4};
  const Adapter* adapters[] = {&f32, &bf16, &f16};
  for (std::int64_t u = 0; u < 6; ++u) {
    const lora::UnitTag& tag = units.tags[static_cast<std::size_t>(u)];
    CHECK_EQ(tag.source, expected_source[u]);
    CHECK_EQ(tag.index, expected_index[u]);
    CHECK_EQ(tag.adapter, expected_adapter[u]);
    const test::Factors& factors = adapters[tag.source]->modules.at("m");
    for (std::int64_t i = 0; i < in; ++i) CHECK_EQ(units.a(u, i), factors.a(tag.index, i));
    for (std::int64_t i = 0; i < out; ++i) CHECK_EQ(units.b(i, u), factors.b(i, tag.index));
  }
}

TEST("a factor with a number that is not finite is refused by name and place") {
  test::Random random(2);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {nan, infinity, -infinity}) {
    for (const bool in_a : {true, false}) {
      Adapter adapter = one_module(random, 9, 70000, 3, DType::F32);
      test::Factors& factors = adapter.modules["m"];
      (in_a ? factors.a(2, 69999) : factors.b(5, 1)) = bad;
      // The product's writer refuses such values, so the file is made finite first and then changed in place.
      Adapter finite = test::copy_of(adapter);
      (in_a ? finite.modules["m"].a(2, 69999) : finite.modules["m"].b(5, 1)) = 12345.0f;
      const std::string path = test::fresh_folder() + "/adapter";
      test::write_adapter(path, finite);
      test::replace_float(path, 12345.0f, bad);
      const core::SafetensorsReader file(path);
      const std::vector<lora::UnitSource> sources{{factors_of(file, 3), 0, 1.0}};
      const auto error = CHECK_ERROR("not-finite", lora::load_units(sources, {}, never, [](std::uint64_t) {}));
      CHECK_EQ(error.tensor, in_a ? test::a_name("m") : test::b_name("m"));
      CHECK_EQ(error.path, path);
      const std::string place =
          in_a ? "element " + std::to_string(2 * 70000 + 69999) : "element " + std::to_string(5 * 3 + 1);
      CHECK(std::string(error.what()).find(place) != std::string::npos);
      CHECK(std::string(error.what()).find(std::isnan(bad) ? "NaN" : "infinity") != std::string::npos);
    }
  }
}

TEST("the first number that is not finite is found at every place, and none in finite data") {
  for (const std::int64_t count : {0, 1, 31, 100}) {
    std::vector<float> data(static_cast<std::size_t>(count), -std::numeric_limits<float>::max());
    CHECK_EQ(lora::first_non_finite(data.data(), count), count);
    for (std::int64_t i = 0; i < count; ++i) {
      data[static_cast<std::size_t>(i)] = -std::numeric_limits<float>::infinity();
      CHECK_EQ(lora::first_non_finite(data.data(), count), i);
      data[static_cast<std::size_t>(i)] = std::numeric_limits<float>::denorm_min();
    }
  }
}

TEST("missing tensors, wrong ranks and wrong dimensions are refused") {
  test::Random random(3);
  const auto file = written(one_module(random, 5, 6, 2, DType::F32));
  CHECK_EQ(CHECK_ERROR("tensor-missing", lora::find_factors(file, "nothing", test::b_name("m"), 2)).tensor, "nothing");
  CHECK_EQ(CHECK_ERROR("shape-mismatch", factors_of(file, 3)).tensor, test::a_name("m"));
  CHECK_EQ(CHECK_ERROR("shape-mismatch", lora::find_factors(file, test::a_name("m"), test::a_name("m"), 2)).tensor,
           test::a_name("m"));
  const std::string path = test::fresh_folder() + "/flat";
  {
    core::SafetensorsWriter writer(path, {{"v", DType::F32, {4}}}, {});
    const float values[] = {1, 2, 3, 4};
    writer.write_f32("v", values);
    writer.finish();
  }
  const core::SafetensorsReader flat(path);
  CHECK_ERROR("shape-mismatch", lora::find_factors(flat, "v", "v", 4));
}

TEST("reading stops when it is cancelled") {
  test::Random random(4);
  const auto file = written(one_module(random, 5, 6, 2, DType::F32));
  core::CancelToken cancel;
  cancel.request();
  const std::vector<lora::UnitSource> sources{{factors_of(file, 2), 0, 1.0}};
  CHECK_ERROR("cancelled", lora::load_units(sources, {}, cancel, [](std::uint64_t) {}));
}

TEST("products of units give the norm of their update, without forming it") {
  test::Random random(5);
  ops::Executor executor(2, never);
  for (const auto& [out, in, rank] :
       std::vector<std::tuple<int, int, int>>{{30, 20, 4}, {8, 90, 12}, {60, 5, 9}, {7, 7, 1}}) {
    lora::RankUnits units{
        test::random_matrix<float>(random, rank, in), test::random_matrix<float>(random, out, rank), {}, {}};
    test::Dense scaled(out, rank);
    for (std::int64_t u = 0; u < rank; ++u) {
      units.c.push_back(random.number());
      for (std::int64_t i = 0; i < out; ++i) scaled(i, u) = units.c.back() * static_cast<double>(units.b(i, u));
    }
    const double expected = test::norm(test::multiply(scaled, test::to_dense(units.a)));
    CHECK_NEAR(lora::update_norm(lora::unit_products(units, executor), units.c) / expected, 1, 1e-12);
    CHECK_NEAR(lora::quick_update_norm(units, executor) / expected, 1, 1e-6);
  }
}

TEST("the quick norm turns to double for units that cancel, are tiny, huge or zero") {
  test::Random random(6);
  ops::Executor executor(1, never);
  const auto units_of = [&](float scale_a, float scale_b) {
    lora::RankUnits units{test::random_matrix<float>(random, 6, 50), test::random_matrix<float>(random, 40, 6), {}, {}};
    for (std::int64_t i = 0; i < units.a.size(); ++i) units.a.data()[i] *= scale_a;
    for (std::int64_t i = 0; i < units.b.size(); ++i) units.b.data()[i] *= scale_b;
    units.c = {1, -2, 3, .5, .25, -1};
    return units;
  };
  const auto check_double = [&](const lora::RankUnits& units) {
    CHECK_EQ(lora::quick_update_norm(units, executor),
             lora::update_norm(lora::unit_products(units, executor), units.c));
  };
  check_double(units_of(1e-25f, 1));
  check_double(units_of(1, 1e25f));
  check_double(units_of(1, 0));
  lora::RankUnits cancelling = units_of(1, 1);
  for (int i = 0; i < 50; ++i) cancelling.a(1, i) = cancelling.a(0, i) * (1 + 1e-6f);
  for (int i = 0; i < 40; ++i) cancelling.b(i, 1) = cancelling.b(i, 0);
  cancelling.c = {1, -1, 0, 0, 0, 0};
  check_double(cancelling);
  CHECK(lora::quick_update_norm(cancelling, executor) > 0);
}
