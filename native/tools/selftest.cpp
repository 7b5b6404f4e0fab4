#include "tools/selftest.h"

#include <chrono>
#include <exception>
#include <span>
#include <vector>

#include "card_checks.h"
#include "eval_fixture.h"
#include "tools/selftest_runner.h"

namespace amalgam::tools {

namespace {

using core::Json;
using test::NamedCheck;

constexpr double rounding = 1e-6;  // of the processor's operators, as in the tests

/// How far a model's results may be from those of another way to compute them.
double model_tolerance(const ops::Device& device) { return device.activations() == core::DType::F32 ? 1e-5 : 3e-2; }

std::vector<Json> families() {
  return {test::config_json("llama", {{"attention_bias", true}, {"tie_word_embeddings", true}}),
          test::config_json("mistral", {{"sliding_window", 5}}), test::config_json("qwen2"),
          test::config_json("qwen3")};
}

/// Every sequence of a mixed batch has the bits of its own run; on a graphics card, where the number of rows decides
/// which kernel makes a product, it is as near as rounding allows.
void check_batches(ops::Device& device) {
  for (const Json& config : families()) {
    const auto model = test::load_model(device, test::write_checkpoint(config, core::DType::BF16));
    test::Random random(51);
    std::vector<std::vector<std::int32_t>> tokens;
    std::vector<model::Sequence> batch;
    for (const std::int64_t length : {19, 1, 40, 2}) tokens.push_back(test::random_tokens(random, length, 61));
    for (const std::vector<std::int32_t>& list : tokens) batch.push_back({.tokens = list});
    const auto together = test::run_batch(*model, batch);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::vector<float> alone = test::run_batch(*model, {batch[i]})[0];
      if (device.activations() == core::DType::F32) CHECK(alone == together[i]);
      CHECK_NEAR(test::relative_error(alone, together[i]), 0, model_tolerance(device));
    }
  }
}

/// Tokens in pieces through the cache give what they give at once.
void check_cache(ops::Device& device) {
  for (const Json& config : families()) {
    const auto model = test::load_model(device, test::write_checkpoint(config, core::DType::BF16));
    test::Random random(52);
    const std::vector<std::int32_t> tokens = test::random_tokens(random, 40, 61);
    const std::vector<float> whole = test::run_batch(*model, {{.tokens = tokens}})[0];
    model::KvCache cache(device, model->config(), 2, 48);
    std::vector<float> pieces;
    std::int64_t past = 0;
    for (const std::size_t count : {std::size_t{9}, std::size_t{1}, std::size_t{17}, std::size_t{1}, std::size_t{12}}) {
      const model::Sequence piece{.tokens = std::span(tokens).subspan(static_cast<std::size_t>(past), count),
                                  .past = past,
                                  .slot = 1,
                                  .keep = true};
      const std::vector<float> hidden = test::run_batch(*model, {piece}, &cache)[0];
      pieces.insert(pieces.end(), hidden.begin(), hidden.end());
      past += static_cast<std::int64_t>(count);
    }
    CHECK_NEAR(test::relative_error(pieces, whole), 0, model_tolerance(device));
  }
}

/// An evaluation gives every pair the same answer in one large batch and one by one.
void check_evaluation(ops::Device& device) {
  test::Evaluation evaluation;
  evaluation.device = device.name();
  evaluation.model = test::write_tiny_checkpoint(3, core::DType::BF16);
  evaluation.adapters = Json::array(
      {test::adapter_part("first", test::tiny_adapter(1, 3)), test::adapter_part("second", test::tiny_adapter(2, 5))});
  evaluation.subjects = Json::array({test::subject_part("base", {}), test::subject_part("first", {{0, 1}}),
                                     test::subject_part("both", {{0, 0.5}, {1, -0.3}}),
                                     test::subject_part("more", {{0, 1.5}, {1, 0.3}})});
  evaluation.items =
      Json::array({test::generate_item({1, 9, 44}, 8), test::choices_item({1, 5, 7, 30}, {{3}, {4, 9}, {8, 2, 60}}),
                   test::loss_item({1, 2}, {50, 40, 30, 20})});
  evaluation.run();
  const test::Answers together = test::answers_of(evaluation.out_file);
  CHECK_EQ(together.size(), std::size_t{12});
  evaluation.out_file = "";
  for (int subject = 0; subject < 4; ++subject) {
    for (int item = 0; item < 3; ++item) {
      evaluation.work = {{subject, item}};
      evaluation.run();
    }
  }
  CHECK(test::answers_of(evaluation.out_file) == together);
}

std::vector<NamedCheck> processor_checks() {
  return {
      {"embedding", [](ops::Device& device) { test::check_embed(device); }},
      {"norms", [](ops::Device& device) { test::check_rms_norm(device, rounding); }},
      {"linear layers", [](ops::Device& device) { test::check_linear(device, rounding); }},
      {"sums and biases", [](ops::Device& device) { test::check_sums(device, rounding); }},
      {"rank units", [](ops::Device& device) { test::check_add_units(device, rounding); }},
      {"rotary positions", [](ops::Device& device) { test::check_rope(device, rounding); }},
      {"attention", [](ops::Device& device) { test::check_attention(device, rounding); }},
      {"kept keys", [](ops::Device& device) { test::check_keep_keys(device); }},
      {"gated units", [](ops::Device& device) { test::check_swiglu(device, rounding); }},
      {"choices of tokens", [](ops::Device& device) { test::check_token_choices(device, 1e-4); }},
      {"ties", [](ops::Device& device) { test::check_token_choices_at_the_edges(device); }},
      {"gradients through linear layers",
       [](ops::Device& device) { test::check_linear_back(device, rounding, rounding); }},
      {"gradients of weights", [](ops::Device& device) { test::check_weight_back(device, rounding); }},
      {"gradients of rank units", [](ops::Device& device) { test::check_unit_gradients(device, rounding, rounding); }},
      {"dropout", [](ops::Device& device) { test::check_dropout(device, rounding); }},
      {"gradients through norms", [](ops::Device& device) { test::check_rms_norm_back(device, rounding); }},
      {"gradients through rotary positions", [](ops::Device& device) { test::check_rope_back(device, rounding); }},
      {"gradients through attention", [](ops::Device& device) { test::check_attention_back(device, rounding); }},
      {"gradients through gated units", [](ops::Device& device) { test::check_swiglu_back(device, rounding); }},
      {"losses of tokens", [](ops::Device& device) { test::check_token_loss(device, rounding, 1e-4); }},
      {"losses at the edges", test::check_token_loss_at_the_edges},
      {"lengths of gradients", test::check_squared_norm},
      {"steps of learning", [](ops::Device& device) { test::check_adamw(device, rounding); }},
  };
}

std::vector<NamedCheck> checks_of(const ops::Device& device) {
  std::vector<NamedCheck> checks = device.name() == "cpu" ? processor_checks() : test::cuda_checks();
  checks.push_back({"models, batched and alone", check_batches});
  checks.push_back({"models, with cache and without", check_cache});
  // Elsewhere rounding may tip a tie between two tokens.
  if (device.name() == "cpu") checks.push_back({"evaluation, batched and alone", check_evaluation});
  return checks;
}

/// What the check found, or nothing.
Json problem_of(const NamedCheck& check, ops::Device& device) {
  const SelftestFolder folder;
  try {
    check.run(device);
    return nullptr;
  } catch (const core::Error& error) {
    return error.code + ": " + error.what();
  } catch (const std::exception& failure) {
    return failure.what();
  }
}

}  // namespace

Json run_selftest(const std::string& name, int threads) {
  const auto device = ops::open_device(name, threads, test::never_cancelled);
  Json rows = Json::array();
  std::int64_t failed = 0;
  const std::vector<NamedCheck> checks = checks_of(*device);
  for (const NamedCheck& check : checks) {
    const auto started = std::chrono::steady_clock::now();
    Json problem = problem_of(check, *device);
    failed += problem.is_null() ? 0 : 1;
    rows.push(
        Json::object({{"name", check.name},
                      {"seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count()},
                      {"problem", std::move(problem)}}));
  }
  return Json::object({{"device", name},
                       {"passed", static_cast<std::int64_t>(checks.size()) - failed},
                       {"failed", failed},
                       {"checks", std::move(rows)}});
}

}  // namespace amalgam::tools
