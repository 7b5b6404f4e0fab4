// Sums over the entries of updates against plain loops over dense updates in double.
#include "lora/similarity.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "adapter_request.h"
#include "runner.h"

using namespace amalgam;
using core::DType;
using core::Json;
using test::Adapter;
using test::Dense;

namespace {

struct Sums {
  double dot = 0;
  double clamp = 0;
  double abs = 0;
  double squares_dot = 0;
};

Sums dense_sums(const Adapter& x, const Adapter& y, const std::string& module) {
  Sums sums;
  if (!x.modules.contains(module) || !y.modules.contains(module)) return sums;
  const Dense left = test::delta_of(x, module);
  const Dense right = test::delta_of(y, module);
  for (std::int64_t i = 0; i < left.size(); ++i) {
    const double product = left.data()[i] * right.data()[i];
    sums.dot += product;
    sums.clamp += std::max(product, 0.0);
    sums.abs += std::abs(product);
    sums.squares_dot += product * product;
  }
  return sums;
}

std::set<std::string> union_of(const Adapter& x, const Adapter& y) {
  std::set<std::string> names;
  for (const Adapter* adapter : {&x, &y}) {
    for (const auto& [name, factors] : adapter->modules) names.insert(name);
  }
  return names;
}

Sums total(const Adapter& x, const Adapter& y) {
  Sums sums;
  for (const std::string& name : union_of(x, y)) {
    const Sums part = dense_sums(x, y, name);
    sums.dot += part.dot;
    sums.clamp += part.clamp;
    sums.abs += part.abs;
    sums.squares_dot += part.squares_dot;
  }
  return sums;
}

Json request_of(const Adapter& query, const std::vector<Adapter>& candidates, bool dense, int threads) {
  const std::string folder = test::fresh_folder();
  Json rows = Json::array();
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    rows.push(test::adapter_request(candidates[i], folder + "/" + std::to_string(i)));
  }
  return Json::object({{"query", test::adapter_request(query, folder + "/query")},
                       {"candidates", std::move(rows)},
                       {"dense", dense},
                       {"threads", threads}});
}

Json run(const Json& request) {
  core::Progress progress;
  const core::CancelToken cancel;
  return lora::run_similarity(request, progress, cancel);
}

/// Unlike ranks, scalings of both signs, modules that only some have, one of another shape, one of several tiles.
Adapter varied(test::Random& random, int kind, DType dtype) {
  Adapter adapter{{}, kind % 3 == 1 ? -0.75 : 0.5 + kind, dtype};
  adapter.modules["all"] = test::random_factors(random, 45, 31, 1 + kind % 7, dtype);
  adapter.modules["tall"] = test::random_factors(random, 700, 410, 2 + kind % 3, dtype);
  if (kind % 2 == 0) adapter.modules["even"] = test::random_factors(random, 24, 40, 3, dtype);
  if (kind == 3) adapter.modules["alone"] = test::random_factors(random, 9, 8, 2, dtype);
  return adapter;
}

std::vector<Adapter> some(test::Random& random, int count, DType dtype) {
  std::vector<Adapter> adapters;
  for (int i = 0; i < count; ++i) adapters.push_back(varied(random, i, dtype));
  return adapters;
}

}  // namespace

TEST("all sums are those of the dense updates, for unlike ranks, scalings of both signs and missing modules") {
  for (const DType dtype : {DType::F32, DType::BF16}) {
    test::Random random(21);
    const std::vector<Adapter> candidates = some(random, 5, dtype);
    const Adapter query = varied(random, 4, dtype);
    const Json result = run(request_of(query, candidates, true, 2));
    const Sums own_query = total(query, query);
    CHECK_EQ(result.get_array("candidates").size(), candidates.size());
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const Json& row = result.get_array("candidates")[i];
      const Sums pair = total(candidates[i], query);
      const Sums own = total(candidates[i], candidates[i]);
      const double norms = std::sqrt(own.dot * own_query.dot);
      CHECK_NEAR(row.get_number("dot"), pair.dot, 1e-12 * norms);
      CHECK_NEAR(row.get_number("norm2") / own.dot, 1, 1e-12);
      CHECK_NEAR(row.get_number("queryNorm2") / own_query.dot, 1, 1e-12);
      CHECK_NEAR(row.get_number("clampSum") / pair.clamp, 1, 1e-6);
      CHECK_NEAR(row.get_number("absSum") / pair.abs, 1, 1e-6);
      CHECK_NEAR(row.get_number("squaresDot") / pair.squares_dot, 1, 1e-6);
      CHECK_NEAR(row.get_number("squaresNorm2") / own.squares_dot, 1, 1e-6);
      CHECK_NEAR(row.get_number("querySquaresNorm2") / own_query.squares_dot, 1, 1e-6);
    }
  }
}

TEST("inner products of modules come in the order of the union's names and add up") {
  test::Random random(22);
  const std::vector<Adapter> candidates = some(random, 4, DType::F32);
  const Adapter query = varied(random, 0, DType::F32);
  const Json result = run(request_of(query, candidates, false, 1));
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Json& row = result.get_array("candidates")[i];
    const Json::Array& products = row.get_array("modules");
    const std::set<std::string> names = union_of(candidates[i], query);
    CHECK_EQ(products.size(), names.size());
    std::size_t place = 0;
    double sum = 0;
    for (const std::string& name : names) {
      const double expected = dense_sums(candidates[i], query, name).dot;
      const double norms =
          std::sqrt(dense_sums(candidates[i], candidates[i], name).dot * dense_sums(query, query, name).dot);
      CHECK_NEAR(products[place].as_number("product"), expected, 1e-12 * norms);
      sum += products[place++].as_number("product");
    }
    CHECK_NEAR(row.get_number("dot"), sum, 1e-12 * std::abs(sum));
    for (const char* field : {"clampSum", "absSum", "squaresDot", "squaresNorm2", "querySquaresNorm2"}) {
      CHECK(row.at(field).is_null());
    }
  }
}

TEST("a module of another shape under the same name is another module") {
  test::Random random(23);
  Adapter query{{}, 1, DType::F32};
  query.modules["m"] = test::random_factors(random, 6, 5, 2, DType::F32);
  std::vector<Adapter> candidates(1);
  candidates[0].modules["m"] = test::random_factors(random, 6, 7, 2, DType::F32);
  const Json row = run(request_of(query, candidates, true, 1)).get_array("candidates")[0];
  CHECK_EQ(row.get_array("modules").size(), std::size_t{2});
  CHECK_EQ(row.get_number("dot"), 0.0);
  CHECK_EQ(row.get_number("absSum"), 0.0);
  CHECK(row.get_number("norm2") > 0 && row.get_number("squaresNorm2") > 0);
}

TEST("more candidates than one group, on any number of threads, have the same bytes") {
  test::Random random(24);
  const std::vector<Adapter> candidates = some(random, 37, DType::F32);
  const Adapter query = varied(random, 2, DType::F32);
  const std::string one = run(request_of(query, candidates, true, 1)).dump();
  for (const int threads : {2, 5}) CHECK_EQ(run(request_of(query, candidates, true, threads)).dump(), one);
  const Json last = run(request_of(query, candidates, true, 1)).get_array("candidates")[36];
  CHECK_NEAR(last.get_number("absSum") / total(candidates[36], query).abs, 1, 1e-6);
}

TEST("the query itself has the cosine 1 and nothing to clamp; its negation has nothing that agrees") {
  test::Random random(25);
  const Adapter query = varied(random, 1, DType::F32);
  std::vector<Adapter> candidates;
  candidates.push_back(test::copy_of(query));
  candidates.push_back(test::copy_of(query));
  candidates[1].scaling = -query.scaling;
  const Json result = run(request_of(query, candidates, true, 2));
  const Json& same = result.get_array("candidates")[0];
  const Json& negated = result.get_array("candidates")[1];
  CHECK_EQ(same.get_number("dot"), same.get_number("norm2"));
  CHECK_NEAR(same.get_number("clampSum") / same.get_number("norm2"), 1, 1e-6);
  CHECK_EQ(same.get_number("squaresDot"), same.get_number("squaresNorm2"));
  CHECK_EQ(negated.get_number("dot"), -same.get_number("dot"));
  CHECK_EQ(negated.get_number("clampSum"), 0.0);
  CHECK_EQ(negated.get_number("absSum"), same.get_number("absSum"));
}

TEST("a value that is not finite, a wrong shape and a module named twice are refused by name") {
  test::Random random(26);
  std::vector<Adapter> candidates = some(random, 2, DType::F32);
  candidates[1].modules["all"].b(1, 0) = 777.0f;
  const Json request = request_of(varied(random, 0, DType::F32), candidates, false, 2);
  test::replace_float(request.get_array("candidates")[1].get_string("weightsFile"), 777.0f, NAN);
  const core::Error error = CHECK_ERROR("not-finite", run(request));
  CHECK_EQ(error.tensor, test::b_name("all"));
  CHECK_EQ(error.path, request.get_array("candidates")[1].get_string("weightsFile"));
  std::string wide = request.dump();
  wide.replace(wide.find("\"in\":31"), 7, "\"in\":32");
  CHECK_ERROR("shape-mismatch", run(Json::parse(wide)));
  std::string twice = request.dump();
  twice.replace(twice.find("\"name\":\"even\""), 13, "\"name\":\"all\"");
  CHECK_ERROR("request-invalid", run(Json::parse(twice)));
  CHECK_ERROR("request-invalid", run(Json::object({{"query", request.at("query")},
                                                   {"candidates", Json::array()},
                                                   {"dense", false},
                                                   {"threads", 1}})));
}

TEST("entries beyond float are refused, not summed") {
  Adapter query{{}, 1, DType::F32};
  query.modules["m"] = {core::Matrix<float>(1, 2), core::Matrix<float>(2, 1)};
  query.modules["m"].a(0, 0) = 1e30f;
  query.modules["m"].b(1, 0) = 1e30f;
  std::vector<Adapter> candidates;
  candidates.push_back(test::copy_of(query));
  CHECK_NEAR(run(request_of(query, candidates, false, 1)).get_array("candidates")[0].get_number("dot") / 1e120, 1, 1e-6);
  CHECK_EQ(CHECK_ERROR("not-finite", run(request_of(query, candidates, true, 1))).tensor, test::b_name("m"));
}

TEST("progress counts modules to the total, and a cancelled job stops") {
  test::Random random(27);
  const std::vector<Adapter> candidates = some(random, 4, DType::F32);
  const Json request = request_of(varied(random, 0, DType::F32), candidates, true, 2);
  core::Progress progress;
  core::CancelToken cancel;
  lora::run_similarity(request, progress, cancel);
  CHECK_EQ(progress.report().stage, std::string("comparing"));
  CHECK_EQ(progress.report().total, std::int64_t{3 + 3 + 2 + 3 + 3});
  CHECK_EQ(progress.report().done, progress.report().total);
  cancel.request();
  CHECK_ERROR("cancelled", lora::run_similarity(request, progress, cancel));
}
