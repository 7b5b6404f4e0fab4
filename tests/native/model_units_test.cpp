// Rank units in the forward pass: sets of coefficients per row, against separate runs and against folded weights.
#include <limits>
#include <string>
#include <vector>

#include "counting_device.h"
#include "model_fixture.h"
#include "runner.h"

using namespace amalgam;
using core::DType;
using core::Json;
using model::Linear;
using model::Sequence;
using test::config_json;
using test::run_batch;

namespace {

using Tokens = std::vector<std::int32_t>;

const std::vector<Linear> all_linears{Linear::q, Linear::k, Linear::v, Linear::o, Linear::gate, Linear::up,
                                      Linear::down};

/// A model and adapters of unequal ranks and targets.
struct Setting {
  explicit Setting(const Json& config_text, std::uint64_t seed = 5)
      : text(config_text),
        config(model::parse_config(config_text)),
        weights(test::random_weight_map(config, DType::F32, seed)) {
    test::Random random(seed);
    loose.push_back(test::random_adapter(random, config, 4, all_linears));
    loose.push_back(test::random_adapter(random, config, 7, {Linear::q, Linear::down}));
    loose.push_back(test::random_adapter(random, config, 2, {Linear::v, Linear::o, Linear::up}));
    for (std::size_t i = 0; i < loose.size(); ++i) adapters.add("adapter-" + std::to_string(i), loose[i]);
    for (const std::int64_t length : {9, 1, 14, 5}) tokens.push_back(test::random_tokens(random, length, 61));
    model = test::load_model(*device, test::write_checkpoint(text, weights, DType::F32));
  }

  model::UnitStack stack(const std::vector<model::Coefficients>& sets) const {
    return {*device, config, adapters.adapters, sets, test::never_cancelled};
  }

  Json text;
  model::Config config;
  test::WeightMap weights;
  std::vector<test::Adapter> loose;
  test::OpenAdapters adapters;
  std::vector<Tokens> tokens;
  std::unique_ptr<ops::Device> device = ops::open_device("cpu", 2, test::never_cancelled);
  std::unique_ptr<model::Model> model;
};

}  // namespace

TEST("folded weights give what units give, to rounding") {
  for (const char* family : {"llama", "qwen2", "qwen3"}) {
    Setting setting(config_json(family));
    const std::vector<double> coefficients{0.7, -0.4, 1.3};
    const model::UnitStack stack = setting.stack({setting.adapters.coefficients(coefficients)});
    test::WeightMap folded;
    for (const auto& [name, matrix] : setting.weights) folded.emplace(name, matrix.copy());
    for (std::size_t i = 0; i < coefficients.size(); ++i) test::fold(folded, setting.loose[i], coefficients[i]);
    const auto folded_model =
        test::load_model(*setting.device, test::write_checkpoint(setting.text, folded, DType::F32));
    for (const Tokens& tokens : setting.tokens) {
      const std::vector<float> units = run_batch(*setting.model, {{.tokens = tokens, .units = &stack}})[0];
      CHECK(test::relative_error(units, run_batch(*folded_model, {{.tokens = tokens}})[0]) < 1e-5);
      CHECK(test::relative_error(units, run_batch(*setting.model, {{.tokens = tokens}})[0]) > 1e-2);
    }
  }
}

TEST("zero coefficients give the base model bit for bit") {
  Setting setting(config_json("llama"));
  const model::UnitStack zero = setting.stack({setting.adapters.coefficients({0, 0, 0})});
  const model::UnitStack both =
      setting.stack({setting.adapters.coefficients({1, 1, 1}), setting.adapters.coefficients({0, 0, 0})});
  for (const Tokens& tokens : setting.tokens) {
    const auto plain = run_batch(*setting.model, {{.tokens = tokens}});
    CHECK(run_batch(*setting.model, {{.tokens = tokens, .units = &zero}}) == plain);
    CHECK(run_batch(*setting.model, {{.tokens = tokens, .units = &both, .set = 1}}) == plain);
  }
  CHECK(zero.part(0, Linear::q).is_zero);
  CHECK(!both.part(0, Linear::q).is_zero);
}

TEST("every row's own set of coefficients gives the bits of separate runs") {
  Setting setting(config_json("mistral", {{"sliding_window", 6}}));
  const std::vector<std::vector<double>> sets{{1, 0, 0}, {0, 1, 0}, {0.5, 0.25, -1}, {0, 0, 0}};
  std::vector<model::Coefficients> together;
  for (const auto& set : sets) together.push_back(setting.adapters.coefficients(set));
  const model::UnitStack stack = setting.stack(together);
  CHECK_EQ(stack.sets(), 4);
  std::vector<Sequence> batch;
  for (std::int32_t i = 0; i < 4; ++i) {
    batch.push_back({.tokens = setting.tokens[static_cast<std::size_t>(i)], .units = &stack, .set = i});
  }
  const auto all = run_batch(*setting.model, batch);
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const model::UnitStack alone = setting.stack({together[i]});
    CHECK(run_batch(*setting.model, {{.tokens = setting.tokens[i], .units = &alone}})[0] == all[i]);
  }
}

TEST("coefficients per module reach their modules only") {
  Setting setting(config_json("llama"));
  model::Coefficients first = setting.adapters.coefficients({0, 0, 0});
  for (std::size_t m = 0; m < setting.adapters.adapters[0].modules.size(); ++m) {
    first[0][m] = setting.adapters.adapters[0].modules[m].name == "model.layers.1.self_attn.k_proj" ? 2 : 0;
  }
  const model::UnitStack stack = setting.stack({first});
  for (std::int64_t layer = 0; layer < 2; ++layer) {
    for (const Linear linear : all_linears) {
      CHECK_EQ(stack.part(layer, linear).is_zero, !(layer == 1 && linear == Linear::k));
    }
  }
  test::WeightMap folded;
  for (const auto& [name, matrix] : setting.weights) folded.emplace(name, matrix.copy());
  test::Adapter one{{}, setting.loose[0].scaling, DType::F32};
  const test::Factors& factors = setting.loose[0].modules.at("model.layers.1.self_attn.k_proj");
  one.modules["model.layers.1.self_attn.k_proj"] = {factors.a.copy(), factors.b.copy()};
  test::fold(folded, one, 2);
  const auto folded_model = test::load_model(*setting.device, test::write_checkpoint(setting.text, folded, DType::F32));
  const Tokens& tokens = setting.tokens[2];
  CHECK(test::relative_error(run_batch(*setting.model, {{.tokens = tokens, .units = &stack}})[0],
                             run_batch(*folded_model, {{.tokens = tokens}})[0]) < 1e-5);
}

TEST("stacks of different adapters and the base model side by side give the bits of separate runs") {
  Setting setting(config_json("qwen3"));
  std::vector<std::unique_ptr<model::UnitStack>> stacks;
  const std::vector<model::Coefficients> one{{std::vector<double>(14, 1.0)}};
  const std::vector<model::Coefficients> other{{std::vector<double>(4, -0.5)}};
  const std::span<const model::StackedAdapter> adapters = setting.adapters.adapters;
  const model::UnitStack first(*setting.device, setting.config, adapters.subspan(0, 1), one, test::never_cancelled);
  const model::UnitStack second(*setting.device, setting.config, adapters.subspan(1, 1), other, test::never_cancelled);
  CHECK_EQ(second.part(0, Linear::gate).a.rows, 0);
  const std::vector<Sequence> batch{{.tokens = setting.tokens[0], .units = &first},
                                    {.tokens = setting.tokens[1], .units = &first},
                                    {.tokens = setting.tokens[2]},
                                    {.tokens = setting.tokens[3], .units = &second}};
  const auto together = run_batch(*setting.model, batch);
  for (std::size_t i = 0; i < batch.size(); ++i) CHECK(run_batch(*setting.model, {batch[i]})[0] == together[i]);
}

TEST("units go on through the cache") {
  Setting setting(config_json("llama"));
  const model::UnitStack stack = setting.stack({setting.adapters.coefficients({1, 0.5, -1})});
  const std::span<const std::int32_t> tokens(setting.tokens[2]);
  model::KvCache cache(*setting.device, setting.config, 1, 20);
  std::vector<float> pieces =
      run_batch(*setting.model, {{.tokens = tokens.first(8), .slot = 0, .keep = true, .units = &stack}}, &cache)[0];
  for (std::size_t i = 8; i < tokens.size(); ++i) {
    const auto past = static_cast<std::int64_t>(i);
    const Sequence next{.tokens = tokens.subspan(i, 1), .past = past, .slot = 0, .keep = true, .units = &stack};
    const std::vector<float> hidden = run_batch(*setting.model, {next}, &cache)[0];
    pieces.insert(pieces.end(), hidden.begin(), hidden.end());
  }
  CHECK(test::relative_error(pieces, run_batch(*setting.model, {{.tokens = tokens, .units = &stack}})[0]) < 1e-5);
}

TEST("a stack takes the memory that was planned") {
  Setting setting(config_json("llama"));
  test::CountingDevice device(ops::open_device("cpu", 1, test::never_cancelled));
  const std::vector<model::Coefficients> sets(3, setting.adapters.coefficients({1, 2, 3}));
  const model::UnitStack stack(device, setting.config, setting.adapters.adapters, sets, test::never_cancelled);
  CHECK_EQ(device.live_bytes(), stack.bytes());
  CHECK_EQ(device.peak_bytes(), stack.bytes());
  CHECK_EQ(stack.bytes(), model::UnitStack::planned_bytes(device, setting.adapters.adapters, 3));
}

TEST("an adapter of another base model is refused with the shapes") {
  const model::Config config = model::parse_config(config_json("llama"));
  const model::ModulePlace place = model::find_module(config, "model.layers.1.mlp.down_proj", 56, 32);
  CHECK_EQ(place.layer, 1);
  CHECK(place.linear == Linear::down);
  const core::Error shape =
      CHECK_ERROR("adapter-other-base", model::find_module(config, "model.layers.1.mlp.down_proj", 56, 33));
  CHECK(std::string(shape.what()).find("56 to 33") != std::string::npos);
  CHECK(std::string(shape.what()).find("56 to 32") != std::string::npos);
  for (const char* name :
       {"model.layers.2.mlp.down_proj", "model.layers.-1.mlp.down_proj", "model.layers.01.mlp.down_proj",
        "model.layers.1.mlp.down_proj2", "lm_head", "transformer.h.0.attn.c_attn"}) {
    const core::Error error = CHECK_ERROR("adapter-other-base", model::find_module(config, name, 56, 32));
    CHECK(std::string(error.what()).find(name) != std::string::npos);
  }
  Setting setting(config_json("llama"));
  const model::Config wider = model::parse_config(config_json("llama", {{"intermediate_size", 60}}));
  const std::vector<model::Coefficients> sets{setting.adapters.coefficients({1, 1, 1})};
  const std::span<const model::StackedAdapter> adapters = setting.adapters.adapters;
  const core::Error error = CHECK_ERROR(
      "adapter-other-base", model::UnitStack(*setting.device, wider, adapters, sets, test::never_cancelled));
  CHECK(std::string(error.what()).find("adapter-0") != std::string::npos);
}

TEST("an adapter with a NaN is refused by its name, file and tensor") {
  Setting setting(config_json("llama"));
  test::Random random(9);
  test::Adapter adapter = test::random_adapter(random, setting.config, 3, {Linear::up});
  test::Factors& factors = adapter.modules.at("model.layers.1.mlp.up_proj");
  const float mark = 0.12345678f;
  factors.b(5, 1) = mark;
  const std::string path = test::fresh_folder() + "/adapter.safetensors";
  test::write_adapter(path, adapter);
  test::replace_float(path, mark, std::numeric_limits<float>::quiet_NaN());
  setting.adapters.add("broken one", adapter, path);
  const core::Error error = CHECK_ERROR("not-finite", setting.stack({setting.adapters.coefficients({1, 1, 1, 1})}));
  CHECK(std::string(error.what()).find("broken one") != std::string::npos);
  CHECK_EQ(error.path, path);
  CHECK_EQ(error.tensor, test::b_name("model.layers.1.mlp.up_proj"));
}

TEST("coefficients that no float holds are refused") {
  Setting setting(config_json("llama"));
  for (const double coefficient :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 1e300}) {
    const core::Error error =
        CHECK_ERROR("coefficient-invalid", setting.stack({setting.adapters.coefficients({1, coefficient, 1})}));
    CHECK(std::string(error.what()).find("adapter-1") != std::string::npos);
  }
}
