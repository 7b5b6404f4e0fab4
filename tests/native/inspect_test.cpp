// Facts about one file of weights.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "lora/inspect.h"
#include "merge_fixture.h"
#include "runner.h"

using namespace amalgam;
using core::DType;
using core::Json;
using test::Adapter;
using test::Dense;

namespace {

Json request_for(const std::string& path, const Adapter& adapter, int threads = 1) {
  Json modules = Json::array();
  for (const auto& [name, factors] : adapter.modules) {
    modules.push(Json::object({{"name", name},
                               {"a", test::a_name(name)},
                               {"b", test::b_name(name)},
                               {"rank", factors.a.rows()},
                               {"scaling", adapter.scaling}}));
  }
  return Json::object({{"weightsFile", path}, {"modules", modules}, {"threads", threads}});
}

Json inspect(const Json& request) {
  core::Progress progress;
  const core::CancelToken cancel;
  return lora::run_inspect(request, progress, cancel);
}

Adapter sample_adapter(DType dtype) {
  test::Random random(41);
  Adapter adapter{{}, -0.5, dtype};
  adapter.modules["m"] = test::random_factors(random, 40, 25, 4, dtype);
  adapter.modules["n"] = test::random_factors(random, 12, 30, 6, dtype);
  return adapter;
}

std::string written(const Adapter& adapter) {
  const std::string path = test::fresh_folder() + "/adapter";
  test::write_adapter(path, adapter);
  return path;
}

}  // namespace

TEST("norms, zeros, largest entry and deviation are those of the factors") {
  for (const DType dtype : {DType::F32, DType::BF16, DType::F16}) {
    Adapter adapter = sample_adapter(dtype);
    test::Factors& factors = adapter.modules["m"];
    for (int i = 0; i < 10; ++i) factors.a.data()[i] = 0;
    factors.a.data()[20] = -3.5f;
    for (int i = 0; i < 40; ++i) factors.b.data()[i] = 0;
    for (const int threads : {1, 2}) {
      const Json result = inspect(request_for(written(adapter), adapter, threads));
      CHECK(result.get_bool("finite"));
      CHECK(result.at("firstNonFinite").is_null());
      double squares = 0;
      for (const Json& row : result.get_array("modules")) {
        const test::Factors& expected = adapter.modules.at(row.get_string("name"));
        const double norm = test::norm(test::delta_of(adapter, row.get_string("name")));
        squares += norm * norm;
        CHECK_NEAR(row.get_number("norm") / norm, 1, 1e-12);
        double sum = 0;
        double square = 0;
        double largest = 0;
        const auto count = static_cast<double>(expected.a.size());
        for (std::int64_t i = 0; i < expected.a.size(); ++i) {
          const double value = expected.a.data()[i];
          sum += value;
          square += value * value;
          largest = std::max(largest, std::abs(value));
        }
        CHECK_EQ(row.get_number("maxAbsA"), largest);
        CHECK_NEAR(row.get_number("stdA"), std::sqrt(square / count - sum / count * sum / count), 1e-12);
      }
      CHECK_NEAR(result.get_number("norm") / std::sqrt(squares), 1, 1e-12);
      const Json& m = result.get_array("modules")[0];
      CHECK_EQ(m.get_number("zerosA"), 0.1);
      CHECK_EQ(m.get_number("zerosB"), 0.25);
    }
  }
}

TEST("the first number that is not finite is named in the order of the file, and what it spoils is null") {
  const Adapter adapter = sample_adapter(DType::F32);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    Adapter marked = test::copy_of(adapter);
    marked.modules["n"].b(3, 2) = 777.0f;
    marked.modules["n"].a(1, 4) = 888.0f;
    const std::string path = written(marked);
    test::replace_float(path, 777.0f, bad);
    test::replace_float(path, 888.0f, bad);
    const Json result = inspect(request_for(path, adapter));
    CHECK(!result.get_bool("finite"));
    CHECK(result.at("norm").is_null());
    const Json& first = result.at("firstNonFinite");
    CHECK_EQ(first.get_string("tensor"), test::a_name("n"));
    CHECK_EQ(first.get_int("index"), 34);
    CHECK_EQ(first.get_string("value"), std::isnan(bad) ? "nan" : bad > 0 ? "inf" : "-inf");
    CHECK(!result.get_array("modules")[0].at("norm").is_null());
    const Json& n = result.get_array("modules")[1];
    CHECK(n.at("norm").is_null());
    CHECK(n.at("maxAbsA").is_null());
    CHECK(n.at("stdA").is_null());
    CHECK_EQ(n.get_number("zerosA"), 0.0);
  }
}

TEST("tensors that no module names are read and judged too") {
  const Adapter adapter = sample_adapter(DType::F32);
  Adapter more = test::copy_of(adapter);
  test::Random random(42);
  more.modules["extra"] = test::random_factors(random, 300, 500, 3, DType::F32);
  more.modules["extra"].a(2, 7) = 999.0f;
  const std::string path = written(more);
  CHECK(inspect(request_for(path, adapter)).get_bool("finite"));
  CHECK_EQ(inspect(request_for(path, adapter)).get_array("modules").size(), 2u);
  test::replace_float(path, 999.0f, std::numeric_limits<float>::infinity());
  const Json result = inspect(request_for(path, adapter));
  CHECK(!result.get_bool("finite"));
  CHECK_EQ(result.at("firstNonFinite").get_string("tensor"), test::a_name("extra"));
  CHECK_EQ(result.at("firstNonFinite").get_int("index"), 1007);
  CHECK(result.get_number("norm") > 0);
}

TEST("tensors of other types are read over") {
  const std::string path = test::fresh_folder() + "/mixed";
  const std::string json = R"({"ids":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},)"
                           R"("flags":{"dtype":"BOOL","shape":[3],"data_offsets":[16,19]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(json.size());
  std::ofstream(path, std::ios::binary) << bytes << json << std::string(19, '\xff');
  const Json result = inspect(Json::object({{"weightsFile", path}, {"modules", Json::array()}, {"threads", 1}}));
  CHECK(result.get_bool("finite"));
  CHECK_EQ(result.get_number("norm"), 0.0);
  CHECK_EQ(result.get_array("modules").size(), 0u);
}

TEST("an adapter of zeros has norm zero") {
  Adapter adapter = sample_adapter(DType::F32);
  for (auto& [name, factors] : adapter.modules) factors.b = core::Matrix<float>(factors.b.rows(), factors.b.cols());
  const Json result = inspect(request_for(written(adapter), adapter));
  CHECK_EQ(result.get_number("norm"), 0.0);
  CHECK_EQ(result.get_array("modules")[1].get_number("zerosB"), 1.0);
}

TEST("progress counts every byte of the file's tensors") {
  const Adapter adapter = sample_adapter(DType::BF16);
  std::int64_t bytes = 0;
  for (const auto& [name, factors] : adapter.modules) bytes += 2 * (factors.a.size() + factors.b.size());
  core::Progress progress;
  const core::CancelToken cancel;
  lora::run_inspect(request_for(written(adapter), adapter), progress, cancel);
  CHECK_EQ(progress.report().done, bytes);
  CHECK_EQ(progress.report().total, bytes);
}

TEST("wrong requests name the field or the tensor") {
  const Adapter adapter = sample_adapter(DType::F32);
  const std::string path = written(adapter);
  const Json request = request_for(path, adapter);
  CHECK_ERROR("file-unreadable",
              inspect(Json::object({{"weightsFile", path + "x"}, {"modules", Json::array()}, {"threads", 1}})));
  const auto missing = CHECK_ERROR("request-invalid", inspect(Json::object({{"weightsFile", path}, {"threads", 1}})));
  CHECK_EQ(std::string(missing.what()), "modules is missing.");
  const Json wrong =
      Json::array({Json::object({{"name", "m"}, {"a", "no"}, {"b", "such"}, {"rank", 4}, {"scaling", 1}})});
  CHECK_ERROR("tensor-missing", inspect(Json::object({{"weightsFile", path}, {"modules", wrong}, {"threads", 1}})));
  const Json rank = Json::array(
      {Json::object({{"name", "m"}, {"a", test::a_name("m")}, {"b", test::b_name("m")}, {"rank", 5}, {"scaling", 1}})});
  CHECK_ERROR("shape-mismatch", inspect(Json::object({{"weightsFile", path}, {"modules", rank}, {"threads", 1}})));
  core::CancelToken cancel;
  cancel.request();
  core::Progress progress;
  CHECK_ERROR("cancelled", lora::run_inspect(request, progress, cancel));
}
