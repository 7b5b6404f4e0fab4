// The job "logits": what it writes, and what it refuses.
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "eval/logits.h"
#include "model_fixture.h"
#include "runner.h"

using namespace amalgam;
using core::DType;
using core::Json;
using test::config_json;

namespace {

Json request_for(const std::string& model, const Json& sequences, const Json& subject_of) {
  const Json subjects = Json::array({Json::object({{"name", "plain"}, {"terms", Json::array()}})});
  return Json::object({{"model", model},
                       {"device", "cpu"},
                       {"threads", 2},
                       {"adapters", Json::array()},
                       {"subjects", subjects},
                       {"sequences", sequences},
                       {"subjectOf", subject_of},
                       {"outFile", test::fresh_folder() + "/logits.safetensors"}});
}

void run(const Json& request) {
  core::Progress progress;
  eval::run_logits(request, progress, test::never_cancelled);
}

}  // namespace

TEST("logits are the head's rows times the final hidden states, however long the sequence") {
  const std::string folder = test::write_checkpoint(config_json("llama", {{"max_position_embeddings", 200}}));
  test::Random random(3);
  std::vector<std::vector<std::int32_t>> lists;
  Json sequences = Json::array();
  for (const std::int64_t length : {5, 150, 1}) {
    lists.push_back(test::random_tokens(random, length, 61));
    Json ids = Json::array();
    for (const std::int32_t id : lists.back()) ids.push(id);
    sequences.push(ids);
  }
  const Json request = request_for(folder, sequences, Json::array({0, 0, 0}));
  run(request);
  const core::SafetensorsReader file(request.get_string("outFile"));
  CHECK_EQ(file.tensors().size(), 3u);
  const auto device = ops::open_device("cpu", 1, test::never_cancelled);
  const auto model = test::load_model(*device, folder);
  const core::SafetensorsReader weights(folder + "/model.safetensors");
  std::vector<float> head(61 * 32);
  weights.read_f32(weights.at("lm_head.weight"), head.data());
  for (std::size_t i = 0; i < lists.size(); ++i) {
    const std::vector<float> hidden = test::run_batch(*model, {{.tokens = lists[i]}})[0];
    const core::TensorInfo& tensor = file.at("logits." + std::to_string(i));
    CHECK(tensor.shape == std::vector<std::int64_t>({static_cast<std::int64_t>(lists[i].size()), 61}));
    std::vector<float> logits(static_cast<std::size_t>(tensor.elements()));
    file.read_f32(tensor, logits.data());
    for (std::size_t t = 0; t < lists[i].size(); ++t) {
      for (std::size_t j = 0; j < 61; ++j) {
        double sum = 0;
        for (std::size_t k = 0; k < 32; ++k) sum += double{hidden[t * 32 + k]} * head[j * 32 + k];
        CHECK_NEAR(logits[t * 61 + j], sum, 1e-4);
      }
    }
  }
}

TEST("tokens, lengths and subjects that do not fit are refused by their place") {
  const std::string folder = test::write_checkpoint(config_json("qwen2"));
  const auto refused = [&](const Json& sequences, const Json& subject_of) {
    const Json request = request_for(folder, sequences, subject_of);
    const core::Error error = CHECK_ERROR("request-invalid", run(request));
    CHECK(!std::filesystem::exists(request.get_string("outFile")));
    return std::string(error.what());
  };
  CHECK(refused(Json::array({Json::array({1, 61})}), Json::array({0})).starts_with("sequences[0][1] "));
  CHECK(refused(Json::array({Json::array({1}), Json::array()}), Json::array({0, 0})).starts_with("sequences[1] "));
  CHECK(refused(Json::array({Json::array({1})}), Json::array({1})).starts_with("subjectOf[0] "));
  CHECK(refused(Json::array({Json::array({1})}), Json::array()).starts_with("subjectOf "));
  Json longer = Json::array();
  for (int i = 0; i < 65; ++i) longer.push(1);
  CHECK(refused(Json::array({longer}), Json::array({0})).find("positions, 64") != std::string::npos);
}

TEST("logits that are not finite are refused in the name of their subject, and leave no file") {
  const Json config = config_json("mistral");
  test::WeightMap weights = test::random_weight_map(model::parse_config(config), DType::F32, 1);
  const float mark = 0.12345678f;
  weights.at("lm_head.weight")(7, 3) = mark;
  const std::string folder = test::write_checkpoint(config, weights, DType::F32);
  test::replace_float(folder + "/model.safetensors", mark, std::numeric_limits<float>::infinity());
  const Json request = request_for(folder, Json::array({Json::array({1, 2, 3})}), Json::array({0}));
  CHECK(std::string(CHECK_ERROR("not-finite", run(request)).what()).find("plain") != std::string::npos);
  CHECK(!std::filesystem::exists(request.get_string("outFile")));
}
