#include <string>

#include "eval/batch.h"
#include "eval/evaluate.h"
#include "lora/request_field.h"
#include "model/model.h"
#include "ops/cuda/devices.h"

namespace amalgam::eval {

namespace {

using core::Json;

constexpr std::int64_t planned_tokens = 2048;

Json module_rows(const model::Config& config) {
  struct Row {
    const char* name;
    std::int64_t in;
    std::int64_t out;
  };
  const std::int64_t attention = config.heads * config.head_dim;
  const std::int64_t keys = config.kv_heads * config.head_dim;
  const Row rows[] = {
      {"self_attn.q_proj", config.hidden, attention},
      {"self_attn.k_proj", config.hidden, keys},
      {"self_attn.v_proj", config.hidden, keys},
      {"self_attn.o_proj", attention, config.hidden},
      {"mlp.gate_proj", config.hidden, config.intermediate},
      {"mlp.up_proj", config.hidden, config.intermediate},
      {"mlp.down_proj", config.intermediate, config.hidden},
  };
  Json modules = Json::array();
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    for (const Row& row : rows) {
      modules.push(Json::object(
          {{"name", "model.layers." + std::to_string(layer) + "." + row.name}, {"in", row.in}, {"out", row.out}}));
    }
  }
  return modules;
}

Json memory_row(const ops::Device& device, const model::CheckpointFacts& facts) {
  const std::size_t needs = model::Model::planned_weight_bytes(device, facts) +
                            model::Model::planned_activation_bytes(device, facts.config, planned_tokens) +
                            Batch::planned_bytes(device, facts.config);
  return Json::object({{"device", device.name()}, {"needs", needs}, {"free", device.memory().free_bytes}});
}

/// The processor, and every graphics card that is there.
Json memory_rows(const model::CheckpointFacts& facts, const core::CancelToken& cancel) {
  Json rows = Json::array();
  rows.push(memory_row(*ops::open_device("cpu", 1, cancel), facts));
  const Json devices = ops::describe_devices();
  const std::size_t cards =
      devices.at("cuda").get_bool("available") ? devices.at("cuda").get_array("devices").size() : 0;
  for (std::size_t card = 0; card < cards; ++card) {
    cancel.check();
    rows.push(memory_row(*ops::open_device("cuda:" + std::to_string(card), 1, cancel), facts));
  }
  return rows;
}

}  // namespace

Json run_checkpoint(const Json& request, core::Progress&, const core::CancelToken& cancel) {
  const model::CheckpointFacts facts = model::read_checkpoint(lora::Field(request, "").at("folder").text());
  const model::Config& config = facts.config;
  Json files = Json::array();
  for (const std::string& file : facts.files) files.push(file);
  Json end_tokens = Json::array();
  for (const std::int32_t token : config.end_tokens) end_tokens.push(token);
  return Json::object({{"family", model::family_name(config.family)},
                       {"dtype", core::dtype_name(facts.type)},
                       {"parameters", facts.parameters},
                       {"weightBytes", facts.weight_bytes},
                       {"files", std::move(files)},
                       {"vocabulary", config.vocabulary},
                       {"hidden", config.hidden},
                       {"layers", config.layers},
                       {"heads", config.heads},
                       {"kvHeads", config.kv_heads},
                       {"headDim", config.head_dim},
                       {"intermediate", config.intermediate},
                       {"maxPositions", config.max_positions},
                       {"tied", config.tied},
                       {"endTokens", std::move(end_tokens)},
                       {"modules", module_rows(config)},
                       {"memory", memory_rows(facts, cancel)}});
}

}  // namespace amalgam::eval
