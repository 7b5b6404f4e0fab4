// What jobs that learn refuse before any work, by its code.
#include <filesystem>
#include <fstream>

#include "learn_job_fixture.h"

using namespace amalgam;
using core::Json;
using test::Learning;

namespace {

Json with_first(const Json& list, const std::string& key, const Json& value) {
  Json result = Json::array();
  for (const Json& item : list.as_array("list")) {
    result.push(result.is_array() && result.as_array("list").empty() ? test::with(item, key, value) : item);
  }
  return result;
}

/// A mask for every "b" of the adapter, of that shape and content.
std::string write_mask(const Json& adapter, std::int64_t more_rows, core::DType type, std::uint8_t entry) {
  const std::string path = test::fresh_folder() + "/mask.safetensors";
  std::vector<core::TensorPlan> plan;
  for (const Json& module : adapter.get_array("modules")) {
    plan.push_back({module.get_string("b"), type, {module.get_int("out") + more_rows, module.get_int("rank")}});
  }
  core::SafetensorsWriter writer(path, plan, {});
  for (const core::TensorPlan& tensor : plan) {
    const auto bytes = static_cast<std::size_t>(tensor.shape[0] * tensor.shape[1] * core::dtype_bits(type) / 8);
    writer.write_raw(tensor.name, std::vector<std::uint8_t>(bytes, entry).data());
  }
  writer.finish();
  return path;
}

}  // namespace

TEST("examples that cannot be learned from are refused by name") {
  Learning learning = test::tuning();
  const Learning good = learning;
  learning.train = with_first(good.train, "prompt", Json::array());
  CHECK(std::string(CHECK_ERROR("prompt-empty", learning.run()).what()).find("train[0]") != std::string::npos);
  learning.train = with_first(good.train, "answer", Json::array());
  CHECK_ERROR("answer-empty", learning.run());
  learning.train = with_first(good.train, "answer", Json::array({60, 61}));
  CHECK_ERROR("vocabulary-mismatch", learning.run());
  learning = good;
  learning.validation = with_first(good.validation, "prompt", test::tokens_part(std::vector<int>(41, 1)));
  CHECK(std::string(CHECK_ERROR("prompt-too-long", learning.run()).what()).find("validation[0]") != std::string::npos);
  learning.validation = Json::array();
  CHECK_ERROR("request-invalid", learning.run());
}

TEST("a request that says nothing to do, or no word that there is, is refused") {
  Learning learning = test::tuning();
  learning.coefficients = Json();
  CHECK_ERROR("request-invalid", learning.run());
  learning.coefficients = test::learned_coefficients("head", "identity", test::constant_start(0));
  CHECK_ERROR("request-invalid", learning.run());
  learning.coefficients = test::learned_coefficients("unit", "tanh", test::constant_start(0));
  CHECK_ERROR("request-invalid", learning.run());
  learning = test::tuning();
  learning.adapters = with_first(learning.adapters, "fresh", Json::object({{"a", "uniform"}}));
  CHECK_ERROR("request-invalid", learning.run());
}

TEST("adapters of other base models and damaged ones are refused") {
  Learning learning = test::tuning();
  Json modules = with_first(learning.adapters.as_array("a")[0].at("modules"), "name", "model.layers.7.mlp.down_proj");
  Learning other = learning;
  other.adapters = with_first(learning.adapters, "modules", modules);
  const core::Error refused = CHECK_ERROR("adapter-other-base", other.run());
  CHECK(std::string(refused.what()).find("model.layers.7.mlp.down_proj") != std::string::npos);

  const Json broken = test::adapter_part("x", test::tiny_adapter(21, 2));
  std::fstream file(broken.get_string("weightsFile"), std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(-4, std::ios::end);
  file.write("\x00\x00\xc0\x7f", 4);  // a NaN
  file.close();
  other.adapters = with_first(learning.adapters, "weightsFile", broken.at("weightsFile"));
  CHECK(std::string(CHECK_ERROR("not-finite", other.run()).what()).find("one") != std::string::npos);
}

TEST("masks of another shape, kind or content are refused") {
  Learning learning = test::training({"b", false, {}, 0});
  const Json adapter = learning.adapters.as_array("adapters")[0];
  const auto refuse = [&](const std::string& mask) {
    learning.adapters = Json::array({test::with(adapter, "maskFile", mask)});
    CHECK_ERROR("mask-invalid", learning.run());
  };
  refuse(write_mask(adapter, 1, core::DType::U8, 1));
  refuse(write_mask(adapter, 0, core::DType::F32, 0));
  refuse(write_mask(adapter, 0, core::DType::U8, 2));
  refuse(adapter.get_string("weightsFile"));
  learning.adapters = Json::array({test::with(adapter, "maskFile", write_mask(adapter, 0, core::DType::U8, 0))});
  CHECK_EQ(learning.run().get_int("parameters"), 0);
}

TEST("too little memory offers what would help; recompute is taken where it is left open") {
  Learning learning = test::training();
  const Json kept = learning.run();
  const Json& estimate = kept.at("estimate");
  learning.folder = test::fresh_folder();
  learning.recompute = "always";
  const std::int64_t least = learning.run().at("estimate").get_int("total");
  CHECK(least < estimate.get_int("total"));
  CHECK_EQ(estimate.get_int("weights") + estimate.get_int("units") + estimate.get_int("activations") +
               estimate.get_int("optimiser"),
           estimate.get_int("total"));
  learning.folder = test::fresh_folder();
  learning.memory_bytes = least;
  learning.recompute = "auto";
  CHECK(learning.run().at("recompute").as_bool("recompute"));
  learning.recompute = "never";
  const core::Error short_of = CHECK_ERROR("memory-short", learning.run());
  CHECK(std::string(short_of.what()).find("recompute") != std::string::npos);
  CHECK(std::string(short_of.what()).find("smaller passes") != std::string::npos);
  CHECK(std::string(short_of.what()).find("lower rank") != std::string::npos);
}
