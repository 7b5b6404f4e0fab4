// Inner products between adapters against the dense sums of their updates.
#include <bit>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "lora/compare.h"
#include "lora/inspect.h"
#include "merge_fixture.h"
#include "runner.h"

using namespace amalgam;
using core::DType;
using core::Json;
using core::Matrix;
using test::Adapter;
using test::Dense;

namespace {

Json side_of(const std::vector<const Adapter*>& adapters) {
  Json side = Json::array();
  const std::string folder = test::fresh_folder();
  int number = 0;
  for (const Adapter* adapter : adapters) {
    const std::string path = folder + "/" + std::to_string(number++);
    test::write_adapter(path, *adapter);
    Json modules = Json::array();
    for (const auto& [name, factors] : adapter->modules) {
      modules.push(Json::object({{"name", name},
                                 {"a", test::a_name(name)},
                                 {"b", test::b_name(name)},
                                 {"rank", factors.a.rows()},
                                 {"scaling", adapter->scaling},
                                 {"in", factors.a.cols()},
                                 {"out", factors.b.rows()}}));
    }
    side.push(Json::object({{"weightsFile", path}, {"modules", modules}}));
  }
  return side;
}

Json run(const Json& left, const Json& right, int threads = 1) {
  core::Progress progress;
  const core::CancelToken cancel;
  return lora::run_compare(Json::object({{"left", left}, {"right", right}, {"threads", threads}}), progress, cancel);
}

double dense_product(const Adapter& x, const Adapter& y) {
  double sum = 0;
  for (const auto& [name, factors] : x.modules) {
    const auto other = y.modules.find(name);
    if (other == y.modules.end() || other->second.a.cols() != factors.a.cols() ||
        other->second.b.rows() != factors.b.rows()) {
      continue;
    }
    const Dense left = test::delta_of(x, name);
    const Dense right = test::delta_of(y, name);
    for (std::int64_t i = 0; i < left.size(); ++i) sum += left.data()[i] * right.data()[i];
  }
  return sum;
}

/// Every product within 1e-6 of the norms' product; returns the gram matrix.
void check_gram(const Json& result, const std::vector<const Adapter*>& left, const std::vector<const Adapter*>& right) {
  const Json::Array& gram = result.get_array("gram");
  CHECK_EQ(gram.size(), left.size());
  for (std::size_t i = 0; i < left.size(); ++i) {
    const Json::Array& row = gram[i].as_array("row");
    CHECK_EQ(row.size(), right.size());
    for (std::size_t j = 0; j < right.size(); ++j) {
      const double norms = std::sqrt(dense_product(*left[i], *left[i]) * dense_product(*right[j], *right[j]));
      CHECK_NEAR(row[j].as_number("product"), dense_product(*left[i], *right[j]), 1e-6 * norms);
    }
  }
}

/// Ranks 1 to 9 (odd sides too), a module that only some have, one that has another shape in some, every dtype.
std::vector<Adapter> varied(int count, int seed, const std::vector<DType>& dtypes) {
  test::Random random(static_cast<unsigned>(seed));
  std::vector<Adapter> adapters;
  for (int i = 0; i < count; ++i) {
    const DType dtype = dtypes[static_cast<std::size_t>(i) % dtypes.size()];
    Adapter adapter{{}, i % 3 == 2 ? -0.5 : 0.25 * (i + 1), dtype};
    adapter.modules["all"] = test::random_factors(random, 70, 37, 1 + i % 9, dtype);
    if (i % 2 == 0) adapter.modules["even"] = test::random_factors(random, 33, 64, 4, dtype);
    adapter.modules["shape"] = test::random_factors(random, i % 3 == 0 ? 20 : 24, 16, 2, dtype);
    if (i == 1) adapter.modules["alone"] = test::random_factors(random, 8, 8, 3, dtype);
    adapters.push_back(std::move(adapter));
  }
  return adapters;
}

std::vector<const Adapter*> pointers(const std::vector<Adapter>& adapters) {
  std::vector<const Adapter*> result;
  for (const Adapter& adapter : adapters) result.push_back(&adapter);
  return result;
}

const std::vector<DType> all_dtypes{DType::F32, DType::BF16, DType::F16};

}  // namespace

TEST("products within one side are those of the dense updates, symmetric to the bit, on any number of threads") {
  for (const std::vector<DType>& dtypes : {all_dtypes, {DType::BF16}}) {
    const std::vector<Adapter> adapters = varied(11, 3, dtypes);
    const Json side = side_of(pointers(adapters));
    const Json result = run(side, Json());
    check_gram(result, pointers(adapters), pointers(adapters));
    const Json::Array& gram = result.get_array("gram");
    for (std::size_t i = 0; i < adapters.size(); ++i) {
      for (std::size_t j = 0; j < adapters.size(); ++j) {
        CHECK_EQ(gram[i].as_array("row")[j].as_number("x"), gram[j].as_array("row")[i].as_number("x"));
      }
    }
    for (const int threads : {2, 5}) CHECK_EQ(run(side, Json(), threads).dump(), result.dump());
  }
}

TEST("products between two sides are those of the dense updates") {
  for (const std::vector<DType>& dtypes : {all_dtypes, {DType::BF16}}) {
    const std::vector<Adapter> left = varied(5, 4, dtypes);
    const std::vector<Adapter> right = varied(3, 5, dtypes);
    const Json result = run(side_of(pointers(left)), side_of(pointers(right)), 2);
    check_gram(result, pointers(left), pointers(right));
    CHECK_EQ(run(side_of(pointers(left)), side_of(pointers(right)), 1).dump(), result.dump());
  }
}

TEST("the diagonal is the squared norm of an inspection") {
  test::Random random(6);
  for (const DType dtype : all_dtypes) {
    Adapter adapter{{}, 1.5, dtype};
    adapter.modules["m"] = test::random_factors(random, 900, 1200, 16, dtype);
    adapter.modules["n"] = test::random_factors(random, 1200, 300, 8, dtype);
    const Json side = side_of({&adapter});
    const double square = run(side, Json()).get_array("gram")[0].as_array("row")[0].as_number("square");
    core::Progress progress;
    const core::CancelToken cancel;
    const Json& file = side.as_array("side")[0];
    const Json inspected = lora::run_inspect(
        Json::object({{"weightsFile", file.at("weightsFile")}, {"modules", file.at("modules")}, {"threads", 1}}),
        progress, cancel);
    CHECK_NEAR(square / std::pow(inspected.get_number("norm"), 2), 1, 1e-6);
  }
}

TEST("an adapter's own copy, its negation and the same update in other factors have the cosines 1, -1 and 1") {
  test::Random random(7);
  Adapter adapter{{}, 2, DType::F32};
  adapter.modules["m"] = test::random_factors(random, 50, 40, 6, DType::F32);
  Adapter negated = test::copy_of(adapter);
  for (std::int64_t i = 0; i < negated.modules["m"].b.size(); ++i) negated.modules["m"].b.data()[i] *= -1;
  Adapter turned = test::copy_of(adapter);  // units reversed, b halved where a is doubled
  for (std::int64_t u = 0; u < 6; ++u) {
    for (std::int64_t j = 0; j < 40; ++j) turned.modules["m"].a(u, j) = 2 * adapter.modules["m"].a(5 - u, j);
    for (std::int64_t i = 0; i < 50; ++i) turned.modules["m"].b(i, u) = 0.5f * adapter.modules["m"].b(i, 5 - u);
  }
  const Json result = run(side_of({&adapter, &adapter, &negated, &turned}), Json());
  const auto product = [&](std::size_t i, std::size_t j) {
    return result.get_array("gram")[i].as_array("row")[j].as_number("product");
  };
  const auto cosine = [&](std::size_t i, std::size_t j) {
    return product(i, j) / std::sqrt(product(i, i) * product(j, j));
  };
  CHECK_NEAR(cosine(0, 1), 1, 1e-7);
  CHECK_NEAR(cosine(0, 2), -1, 1e-7);
  CHECK_NEAR(cosine(0, 3), 1, 1e-6);
}

TEST("adapters whose units nearly cancel, tiny, huge and zero ones keep the precision") {
  test::Random random(8);
  const auto scaled = [&](float a_scale, float b_scale) {
    Adapter adapter{{}, 1, DType::F32};
    adapter.modules["m"] = test::random_factors(random, 60, 48, 4, DType::F32);
    test::Factors& factors = adapter.modules["m"];
    for (std::int64_t i = 0; i < factors.a.size(); ++i) factors.a.data()[i] *= a_scale;
    for (std::int64_t i = 0; i < factors.b.size(); ++i) factors.b.data()[i] *= b_scale;
    return adapter;
  };
  // Units 2 and 3 take back units 0 and 1 up to a thousandth.
  const auto cancelling = [&] {
    Adapter adapter = scaled(1, 1);
    test::Factors& factors = adapter.modules["m"];
    for (std::int64_t u = 0; u < 2; ++u) {
      for (std::int64_t j = 0; j < 48; ++j) factors.a(u + 2, j) = factors.a(u, j) * (1 + 1e-3f * factors.a(u, 47 - j));
      for (std::int64_t i = 0; i < 60; ++i) factors.b(i, u + 2) = -factors.b(i, u);
    }
    return adapter;
  };
  std::vector<Adapter> adapters;
  adapters.push_back(scaled(1, 1));
  adapters.push_back(cancelling());
  adapters.push_back(cancelling());
  adapters.push_back(scaled(1e-18f, 1e18f));
  adapters.push_back(scaled(1e-20f, 1e-3f));
  adapters.push_back(scaled(1, 0));
  Adapter sparse = scaled(1, 1);  // a unit that is zero beside others that are not
  for (std::int64_t i = 0; i < 60; ++i) sparse.modules["m"].b(i, 2) = 0;
  adapters.push_back(std::move(sparse));
  check_gram(run(side_of(pointers(adapters)), Json()), pointers(adapters), pointers(adapters));
  const std::vector<const Adapter*> left{&adapters[1], &adapters[3], &adapters[5]};
  const std::vector<const Adapter*> right{&adapters[2], &adapters[0], &adapters[4], &adapters[6]};
  check_gram(run(side_of(left), side_of(right)), left, right);
}

TEST("adapters without a module in common have the product 0") {
  test::Random random(9);
  Adapter one{{}, 1, DType::F32};
  one.modules["x"] = test::random_factors(random, 5, 6, 2, DType::F32);
  Adapter other{{}, 1, DType::F32};
  other.modules["y"] = test::random_factors(random, 5, 6, 2, DType::F32);
  CHECK_EQ(run(side_of({&one}), side_of({&other})).get_array("gram")[0].as_array("row")[0].as_number("p"), 0.0);
  check_gram(run(side_of({&one, &other}), Json()), {&one, &other}, {&one, &other});
}

TEST("a value that is not finite, a wrong shape and a missing tensor are refused by name") {
  for (const DType dtype : {DType::F32, DType::BF16}) {
    const std::vector<Adapter> adapters = varied(2, 10, {dtype});
    Json side = side_of(pointers(adapters));
    const std::string path = side.as_array("side")[1].get_string("weightsFile");
    if (dtype == DType::F32) {
      Adapter marked = test::copy_of(adapters[1]);
      marked.modules["all"].a(0, 3) = 777.0f;
      test::write_adapter(path + "-marked", marked);
      test::replace_float(path + "-marked", 777.0f, NAN);
    } else {
      Adapter marked = test::copy_of(adapters[1]);
      marked.modules["all"].a(0, 3) = 0.3125f;
      marked.modules["all"].a(0, 4) = 0.4375f;
      test::write_adapter(path + "-marked", marked);
      // Two neighbours in bf16 are one float's bytes: 0x3ea0, 0x3ee0 become 0x3ea0, 0x7fc0.
      test::replace_float(path + "-marked", std::bit_cast<float>(0x3ee03ea0u), std::bit_cast<float>(0x7fc03ea0u));
    }
    std::string text = side.dump();
    text.replace(text.find(path + "\""), path.size(), path + "-marked");
    const Json spoilt = Json::parse(text);
    const core::Error error = CHECK_ERROR("not-finite", run(spoilt, Json()));
    CHECK_EQ(error.tensor, test::a_name("all"));
    CHECK_EQ(error.path, path + "-marked");
    std::string wide = side.dump();
    wide.replace(wide.find("\"in\":37"), 7, "\"in\":38");
    CHECK_ERROR("shape-mismatch", run(Json::parse(wide), Json()));
    std::string missing = side.dump();
    missing.replace(missing.find(".all.lora_A"), 11, ".odd.lora_A");
    CHECK_ERROR("tensor-missing", run(Json::parse(missing), Json()));
  }
}

namespace {

/// A bfloat16 adapter with `bits` at element 4 of its A (unit 0) or element 9 of its B (unit 1), on request with nothing
/// but zeros in the unit's other vector. Returns it as a side of a request.
Json spoilt_side(test::Random& random, bool in_a, bool beside_zeros, std::uint32_t bits) {
  Adapter adapter{{}, 1, DType::BF16};
  adapter.modules["m"] = test::random_factors(random, 40, 48, 4, DType::BF16);
  auto& [a, b] = adapter.modules["m"];
  float* place = in_a ? &a(0, 3) : &b(2, 0);
  place[0] = 0.3125f;
  place[1] = 0.4375f;
  if (beside_zeros && in_a) {
    for (std::int64_t i = 0; i < b.rows(); ++i) b(i, 0) = 0;
  } else if (beside_zeros) {
    for (std::int64_t j = 0; j < a.cols(); ++j) a(1, j) = 0;
  }
  Json side = side_of({&adapter});
  test::replace_float(side.as_array("side")[0].get_string("weightsFile"), std::bit_cast<float>(0x3ee03ea0u),
                      std::bit_cast<float>(bits << 16 | 0x3ea0u));
  return side;
}

}  // namespace

TEST("NaN and infinity in bfloat16 factors are refused with tensor and index on either side, also beside zeros") {
  test::Random random(12);
  Adapter sound{{}, 1, DType::BF16};
  sound.modules["m"] = test::random_factors(random, 40, 48, 3, DType::BF16);
  const Json other = side_of({&sound});
  for (const std::uint32_t bits : {0x7fc0u, 0xff81u, 0x7f80u, 0xff80u}) {
    for (const bool in_a : {true, false}) {
      for (const bool beside_zeros : {true, false}) {
        const Json spoilt = spoilt_side(random, in_a, beside_zeros, bits);
        Json both = spoilt;
        both.push(other.as_array("side")[0]);
        for (const auto& [left, right] : {std::pair(both, Json()), std::pair(spoilt, other), std::pair(other, spoilt)}) {
          const core::Error error = CHECK_ERROR("not-finite", run(left, right));
          CHECK_EQ(error.tensor, in_a ? test::a_name("m") : test::b_name("m"));
          CHECK_EQ(error.path, spoilt.as_array("side")[0].get_string("weightsFile"));
          CHECK(std::string(error.what()).find(in_a ? "element 4." : "element 9.") != std::string::npos);
        }
      }
    }
  }
}

TEST("progress counts bytes to the total, and a cancelled comparison stops") {
  const std::vector<Adapter> adapters = varied(6, 11, {DType::F32});
  const Json side = side_of(pointers(adapters));
  core::Progress progress;
  core::CancelToken cancel;
  const Json request = Json::object({{"left", side}, {"right", Json()}, {"threads", 2}});
  lora::run_compare(request, progress, cancel);
  CHECK_EQ(progress.report().stage, std::string("comparing"));
  CHECK(progress.report().total > 0);
  CHECK_EQ(progress.report().done, progress.report().total);
  cancel.request();
  CHECK_ERROR("cancelled", lora::run_compare(request, progress, cancel));
}
