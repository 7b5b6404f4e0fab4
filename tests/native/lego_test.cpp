// LoRA-LEGO: the golden cases and the counter-examples of its dossier (research page "lego-lori", 1.10), and what our
// extensions promise. Values of an independent implementation are compared in tests/golden/lego.test.ts.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "lego_fixture.h"
#include "merge/preview.h"
#include "runner.h"

using namespace amalgam;
using core::Json;
using test::Adapter;
using test::Dense;
using test::Lego;
using test::Merge;
using test::lego;
using test::matrix;
using test::merged;
using test::only_modules;
using test::random_adapter;
using test::rewritten;
using test::scaled;
using test::turned;

TEST("G1: with as many clusters as units the result is sqrt(r/P) times the sum; the sum itself without reweighting") {
  test::Random random(31);
  const Adapter a = random_adapter(random, 20, 30, 4, 2);
  const Adapter b = random_adapter(random, 20, 30, 6, 0.5);
  const Adapter c = random_adapter(random, 20, 30, 2);
  const std::vector<double> coefficients{.7, -.4, 1.1};
  const Dense sum = test::dense_sum({&a, &b, &c}, coefficients, "m");
  for (const std::int64_t k : {12, 13, 1000}) {
    const Dense delta = merged({&a, &b, &c}, lego({k, 4}, coefficients));
    CHECK(test::relative_difference(delta, scaled(sum.copy(), std::sqrt(4 / 12.))) < 1e-6);
  }
  Lego plain{12, 4};
  plain.output_reweight = false;
  CHECK(test::relative_difference(merged({&a, &b, &c}, lego(plain, coefficients)), sum) < 1e-6);
  // Also where units coincide: each is still alone.
  const Dense twice = scaled(test::delta_of(a, "m"), 2 * std::sqrt(4 / 8.));
  CHECK(test::relative_difference(merged({&a, &a}, lego({8, 4})), twice) < 1e-6);
}

TEST("G2: equal copies with k = r return the adapter, for any number of them and any seed") {
  test::Random random(32);
  for (const std::int64_t rank : {1, 3, 8}) {
    const Adapter a = random_adapter(random, 24, 16, rank, 1.5);
    const Dense expected = test::delta_of(a, "m");
    for (int copies = 1; copies <= 5; ++copies) {
      for (std::int64_t seed = 0; seed < 4; ++seed) {
        Merge merge = lego({rank, static_cast<double>(rank)});
        merge.seed = seed;
        const std::vector<const Adapter*> adapters(static_cast<std::size_t>(copies), &a);
        CHECK(test::relative_difference(merged(adapters, merge), expected) < 1e-6);
      }
    }
  }
}

TEST("G3: a copy with its units in another order changes nothing") {
  test::Random random(33);
  const Adapter a = random_adapter(random, 24, 16, 6);
  const Adapter b = rewritten(a, {3, 0, 5, 1, 2, 4}, {1, 1, 1, 1, 1, 1});
  CHECK(test::relative_difference(merged({&a, &b}, lego({6, 6})), test::delta_of(a, "m")) < 1e-6);
}

TEST("G4: the case that was worked out by hand") {
  Adapter one{{}, 1, core::DType::F32};
  one.modules["m"] = {matrix(1, 2, {1, 0}), matrix(2, 1, {.5f, 0})};
  Adapter two{{}, 1, core::DType::F32};
  two.modules["m"] = {matrix(1, 2, {-.2f, .8f}), matrix(2, 1, {.3f, .1f})};
  const Dense delta = merged({&one, &two}, lego({1, 1}));
  const double expected[] = {.81, .81, .10125, .10125};
  for (int i = 0; i < 4; ++i) CHECK_NEAR(delta.data()[i], expected[i], 1e-6);
}

TEST("N1: a copy with flipped signs, a turned basis or another balance is not recognised, though its update is equal") {
  test::Random random(34);
  const Adapter a = random_adapter(random, 40, 30, 8);
  const std::vector<std::int64_t> in_place{0, 1, 2, 3, 4, 5, 6, 7};
  const Adapter flipped = rewritten(a, in_place, {1, -1, -1, 1, -1, 1, -1, 1});
  const Adapter basis = turned(a);
  const Adapter balance = rewritten(a, in_place, {4, 4, 4, 4, 4, 4, 4, 4});
  const Dense expected = test::delta_of(a, "m");
  for (const Adapter* other : {&flipped, &basis, &balance}) {
    CHECK(test::relative_difference(test::delta_of(*other, "m"), expected) < 1e-6);
    CHECK(test::relative_difference(merged({&a, other}, lego({8, 8})), expected) > 0.05);
    // Canonical units are those of the update, which is the same.
    Lego canonical{8, 8};
    canonical.units = "canonical";
    CHECK(test::relative_difference(merged({&a, other}, lego(canonical)), expected) < 1e-4);
  }
}

TEST("norms fall with averaging, and each reweighting brings some of it back") {
  test::Random random(35);
  const Adapter a = random_adapter(random, 60, 50, 8);
  const Adapter b = random_adapter(random, 60, 50, 8);
  const Adapter c = random_adapter(random, 60, 50, 8);
  double mean = 0;
  for (const Adapter* adapter : {&a, &b, &c}) mean += test::norm(test::delta_of(*adapter, "m")) / 3;
  const auto ratio = [&](std::int64_t k, bool param, bool output) {
    Lego params{k, 8};
    params.param_reweight = param;
    params.output_reweight = output;
    return test::norm(merged({&a, &b, &c}, lego(params))) / mean;
  };
  CHECK_NEAR(ratio(8, false, false), 0.52, 0.15);
  CHECK_NEAR(ratio(8, true, false), 0.60, 0.15);
  CHECK_NEAR(ratio(4, false, false), 0.23, 0.12);
  CHECK_NEAR(ratio(4, true, false), 0.36, 0.12);
  CHECK_NEAR(ratio(4, true, true), 0.51, 0.15);
  CHECK_NEAR(ratio(16, false, false), 1.21, 0.2);
  CHECK_NEAR(ratio(16, true, false), 1.25, 0.2);
  CHECK_NEAR(ratio(16, true, true), 0.88, 0.2);
  CHECK(ratio(8, true, false) > ratio(8, false, false));
  CHECK_NEAR(ratio(4, true, true) / ratio(4, true, false), std::sqrt(2.0), 1e-5);
}

TEST("one adapter and k < r: pruned, and never better than the truncated SVD") {
  test::Random random(36);
  for (int trial = 0; trial < 3; ++trial) {
    const Adapter a = random_adapter(random, 18, 25, 8);
    const Dense delta = test::delta_of(a, "m");
    for (const std::int64_t k : {1, 3, 7}) {
      for (const char* units : {"stored", "canonical"}) {
        Lego params{k, 8};
        params.units = units;
        Merge merge = lego(params);
        merge.rank = k;
        const test::Merged result = test::run({&a}, merge);
        const double least = test::relative_difference(test::best_fit(delta, k), delta);
        CHECK(test::relative_difference(result.deltas.at("m"), delta) >= least - 1e-6);
        CHECK_EQ(result.written_ranks.at("m"), k);
        const Json& row = test::module_row(result.result, "m");
        CHECK_EQ(row.get_int("rank"), k);
        CHECK_EQ(row.get_number("discardedEnergy"), 0.0);
        const double norm = test::norm(result.deltas.at("m"));
        CHECK_NEAR(row.get_number("norm"), norm, 1e-5 * norm);
      }
    }
  }
}

TEST("unequal ranks and missing modules: each module has a pool of its own") {
  test::Random random(37);
  const std::vector<Adapter> adapters = test::varied_adapters(random);
  Lego params{6, 4};
  const test::Merged result = test::run(test::pointers(adapters), lego(params, {.7, 1, -.3}));
  for (const std::string& name : test::varied_modules) {
    std::int64_t pool = 0;
    for (const Adapter& adapter : adapters) {
      if (adapter.modules.contains(name)) pool += adapter.modules.at(name).a.rows();
    }
    const Json& row = test::module_row(result.result, name);
    CHECK_EQ(row.get_int("rank"), std::min<std::int64_t>(6, pool));
    CHECK(test::norm(result.deltas.at(name)) > 0);
  }
  // The second adapter lacks layers.0.q, so that 5 units are left: each is alone.
  const Dense sum = test::dense_sum({&adapters[0], &adapters[2]}, {.7, -.3}, "layers.0.q");
  CHECK(test::relative_difference(result.deltas.at("layers.0.q"), scaled(sum.copy(), std::sqrt(4 / 5.))) < 1e-5);
}

TEST("a coefficient of 0 is the same as leaving the adapter out; all of them 0 give zero") {
  test::Random random(38);
  const Adapter a = random_adapter(random, 20, 30, 4);
  const Adapter b = random_adapter(random, 20, 30, 5);
  const Adapter c = random_adapter(random, 20, 30, 3);
  const Dense without = merged({&a, &c}, lego({4, 4}, {.7, 1}));
  CHECK_EQ(test::relative_difference(merged({&a, &b, &c}, lego({4, 4}, {.7, 0, 1})), without), 0.0);
  const test::Merged nothing = test::run({&a, &b}, lego({4, 4}, {0, 0}));
  CHECK_EQ(test::norm(nothing.deltas.at("m")), 0.0);
  CHECK_EQ(test::module_row(nothing.result, "m").get_int("rank"), std::int64_t{0});
}

TEST("units of zeros and zero updates give no NaN") {
  test::Random random(39);
  Adapter a = random_adapter(random, 12, 10, 4);
  test::Factors& factors = a.modules["m"];
  for (std::int64_t j = 0; j < 10; ++j) factors.a(1, j) = 0;
  for (std::int64_t i = 0; i < 12; ++i) factors.b(i, 1) = 0;
  Adapter zero = test::copy_of(a);
  std::fill_n(zero.modules["m"].b.data(), zero.modules["m"].b.size(), 0.0f);
  for (const char* units : {"stored", "canonical"}) {
    for (const char* features : {"raw", "balanced"}) {
      for (std::int64_t k = 1; k <= 8; ++k) {
        Lego params{k, 4};
        params.units = units;
        params.features = features;
        CHECK(std::isfinite(test::norm(merged({&a, &zero}, lego(params)))));
        CHECK_EQ(test::norm(merged({&zero, &zero}, lego(params))), 0.0);
      }
    }
  }
}

TEST("negated coefficients negate the result, with every option") {
  test::Random random(40);
  const Adapter a = random_adapter(random, 20, 30, 4, 2);
  const Adapter b = random_adapter(random, 20, 30, 6);
  for (const char* units : {"stored", "canonical"}) {
    for (const char* features : {"raw", "balanced"}) {
      for (const bool equal_votes : {false, true}) {
        Lego params{5, 5};
        params.units = units;
        params.features = features;
        params.equal_votes = equal_votes;
        const Dense plus = merged({&a, &b}, lego(params, {.7, -.4}));
        CHECK(test::relative_difference(scaled(merged({&a, &b}, lego(params, {-.7, .4})), -1), plus) < 1e-6);
      }
    }
  }
}

TEST("the order of the adapters changes no byte") {
  test::Random random(41);
  const Adapter a = random_adapter(random, 20, 30, 4);
  const Adapter b = random_adapter(random, 20, 30, 6);
  const Adapter c = random_adapter(random, 20, 30, 3);
  const auto bytes = [&](const std::vector<const Adapter*>& adapters, std::vector<double> coefficients) {
    const Json request = test::make_request(adapters, lego({4, 4}, std::move(coefficients)));
    test::run_request(request);
    return test::bytes_of(request.get_string("outFile"));
  };
  const std::string expected = bytes({&a, &b, &c, &a}, {.7, -.3, .2, .5});
  CHECK(bytes({&c, &a, &a, &b}, {.2, .7, .5, -.3}) == expected);
  CHECK(bytes({&b, &a, &c, &a}, {-.3, .5, .2, .7}) == expected);
}

TEST("equal bytes for any number of threads and again; another seed gives another result") {
  test::Random random(42);
  std::vector<Adapter> adapters;
  for (int i = 0; i < 4; ++i) adapters.push_back(random_adapter(random, 600, 520, 12));
  const auto bytes = [&](std::int64_t seed, int threads) {
    Lego params{12, 12};
    params.restarts = 3;
    Merge merge = lego(params);
    merge.seed = seed;
    merge.threads = threads;
    const Json request = test::make_request(test::pointers(adapters), merge);
    test::run_request(request);
    return test::bytes_of(request.get_string("outFile"));
  };
  const std::string expected = bytes(1, 1);
  for (const int threads : {1, 2, 3, 7}) CHECK(bytes(1, threads) == expected);
  CHECK(bytes(2, 1) != expected);
}

TEST("a module's result depends on the seed and its own name, not on the modules beside it") {
  test::Random random(43);
  Adapter a = random_adapter(random, 30, 20, 6);
  Adapter b = random_adapter(random, 30, 20, 6);
  Lego params{5, 6};
  params.restarts = 1;
  for (Adapter* adapter : {&a, &b}) {
    adapter->modules["before"] = test::random_factors(random, 9, 8, 2, core::DType::F32);
    adapter->modules["z"] = {adapter->modules.at("m").a.copy(), adapter->modules.at("m").b.copy()};
  }
  const Json request = test::make_request({&a, &b}, lego(params));
  const auto updates_of = [&](const std::vector<std::string>& names) {
    const Json result = test::run_request(only_modules(request, names));
    std::vector<double> norms;
    for (const std::string& name : names) norms.push_back(test::module_row(result, name).get_number("norm"));
    return norms;
  };
  const std::vector<double> together = updates_of({"before", "m", "z"});
  CHECK_EQ(updates_of({"m"})[0], together[1]);
  CHECK_EQ(updates_of({"z"})[0], together[2]);
  CHECK(std::abs(together[1] - together[2]) > 1e-3 * together[1]);  // equal factors, another name
}

TEST("equal votes: an adapter of high rank weighs no more than one of low rank") {
  // All units share one direction, so that k = 1 gives the mean of their lengths: 3 units of length 1 and one of 4.
  Adapter three{{}, 1, core::DType::F32};
  three.modules["m"] = {matrix(3, 1, {1, 1, 1}), matrix(1, 3, {1, 1, 1})};
  Adapter one{{}, 1, core::DType::F32};
  one.modules["m"] = {matrix(1, 1, {4}), matrix(1, 1, {4})};
  Lego params{1, 1};
  CHECK_NEAR(merged({&three, &one}, lego(params))(0, 0), std::pow(7 / 4., 2), 1e-6);
  params.equal_votes = true;
  CHECK_NEAR(merged({&three, &one}, lego(params))(0, 0), std::pow(2.5, 2), 1e-6);
}

TEST("the preview has the figures of the merge") {
  test::Random random(44);
  const std::vector<Adapter> adapters = test::varied_adapters(random);
  const Json request = test::make_request(test::pointers(adapters), lego({5, 4}, {.7, 1, -.3}));
  const Json result = test::run_request(request);
  const Json preview_request = Json::object({{"job", request.at("job")}, {"maxBytes", 1 << 30}, {"threads", 1}});
  core::Progress progress;
  const core::CancelToken cancel;
  const Json preview = merge::run_preview(preview_request, progress, cancel);
  for (const std::string& name : test::varied_modules) {
    CHECK_EQ(test::module_row(preview, name).get_number("norm"), test::module_row(result, name).get_number("norm"));
    CHECK_EQ(test::module_row(preview, name).get_number("discardedEnergy"), 0.0);
  }
}

TEST("requests that make no sense are refused") {
  test::Random random(45);
  const Adapter a = random_adapter(random, 10, 12, 4);
  CHECK_ERROR("parameter-invalid", test::run({&a}, lego({0, 4})));
  CHECK_ERROR("parameter-invalid", test::run({&a}, lego({-3, 4})));
  Lego none{2, 4};
  none.restarts = 0;
  CHECK_ERROR("parameter-invalid", test::run({&a}, lego(none)));
  Merge merge = lego({3, 4});
  merge.rank = 2;  // fewer than the method makes
  CHECK_ERROR("request-invalid", test::run({&a}, merge));
  merge.params = Json::object({{"k", 2}});
  CHECK_ERROR("parameter-invalid", test::run({&a}, merge));
}
