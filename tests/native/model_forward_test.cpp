// The forward pass: what a sequence gives depends on nothing else in its batch, with and without the cache.
#include <stdexcept>
#include <string>
#include <vector>

#include "counting_device.h"
#include "model_fixture.h"
#include "runner.h"

using namespace amalgam;
using core::DType;
using core::Json;
using model::Sequence;
using test::config_json;
using test::run_batch;

namespace {

using Tokens = std::vector<std::int32_t>;

/// A tiny model of every family, with what is special about it switched on.
std::vector<Json> all_configs() {
  const Json layers = Json::array({"full_attention", "sliding_attention"});
  return {config_json("llama", {{"num_key_value_heads", 4}}),
          config_json("llama", {{"attention_bias", true}, {"mlp_bias", true}, {"tie_word_embeddings", true}}),
          config_json("mistral", {{"sliding_window", 5}}),
          config_json("qwen2"),
          config_json("qwen3", {{"layer_types", layers}, {"sliding_window", 3}, {"use_sliding_window", true}})};
}

std::vector<Tokens> token_lists(std::uint64_t seed, const std::vector<std::int64_t>& lengths) {
  test::Random random(seed);
  std::vector<Tokens> lists;
  for (const std::int64_t length : lengths) lists.push_back(test::random_tokens(random, length, 61));
  return lists;
}

template <typename Action>
bool is_bug(Action action) {
  try {
    action();
  } catch (const std::logic_error&) {
    return true;
  }
  return false;
}

}  // namespace

TEST("a batch of mixed sequences gives each the bits of its own run") {
  const std::vector<Tokens> lists = token_lists(1, {19, 1, 7, 40, 2});
  for (const Json& config : all_configs()) {
    for (const DType type : {DType::F32, DType::BF16, DType::F16}) {
      const auto device = ops::open_device("cpu", 2, test::never_cancelled);
      const auto model = test::load_model(*device, test::write_checkpoint(config, type));
      std::vector<Sequence> batch;
      for (const Tokens& tokens : lists) batch.push_back({.tokens = tokens});
      const auto together = run_batch(*model, batch);
      for (std::size_t i = 0; i < lists.size(); ++i) {
        CHECK(run_batch(*model, {{.tokens = lists[i]}})[0] == together[i]);
        for (const float number : together[i]) CHECK(std::isfinite(number));
      }
    }
  }
}

TEST("one thread gives the bits of three") {
  const std::vector<Tokens> lists = token_lists(2, {30, 11});
  for (const Json& config : all_configs()) {
    const std::string folder = test::write_checkpoint(config);
    std::vector<std::vector<std::vector<float>>> results;
    for (const int threads : {1, 3}) {
      const auto device = ops::open_device("cpu", threads, test::never_cancelled);
      const auto model = test::load_model(*device, folder);
      results.push_back(run_batch(*model, {{.tokens = lists[0]}, {.tokens = lists[1]}}));
    }
    CHECK(results[0] == results[1]);
  }
}

TEST("tokens through the cache, in pieces, give what they give at once") {
  const Tokens tokens = token_lists(3, {40})[0];
  const std::span<const std::int32_t> all(tokens);
  for (const Json& config : all_configs()) {
    const auto device = ops::open_device("cpu", 2, test::never_cancelled);
    const auto model = test::load_model(*device, test::write_checkpoint(config));
    const std::vector<float> whole = run_batch(*model, {{.tokens = all}})[0];
    model::KvCache cache(*device, model->config(), 3, 48);
    std::vector<float> pieces;
    std::int64_t past = 0;
    for (const std::size_t count : {std::size_t{9}, std::size_t{1}, std::size_t{17}, std::size_t{1}, std::size_t{12}}) {
      const Sequence piece{.tokens = all.subspan(static_cast<std::size_t>(past), count), .past = past, .slot = 2,
                           .keep = true};
      const std::vector<float> hidden = run_batch(*model, {piece}, &cache)[0];
      pieces.insert(pieces.end(), hidden.begin(), hidden.end());
      past += static_cast<std::int64_t>(count);
    }
    CHECK(test::relative_error(pieces, whole) < 1e-5);
  }
}

TEST("several sequences go on from one past without keeping anything, beside others that keep") {
  const std::vector<Tokens> lists = token_lists(4, {12, 4, 1, 6});
  for (const Json& config : all_configs()) {
    const auto device = ops::open_device("cpu", 2, test::never_cancelled);
    const auto model = test::load_model(*device, test::write_checkpoint(config));
    model::KvCache cache(*device, model->config(), 2, 16);
    const auto start = run_batch(*model, {{.tokens = lists[0], .slot = 1, .keep = true}}, &cache);
    const auto ends = run_batch(*model,
                                {{.tokens = lists[1], .past = 12, .slot = 1},
                                 {.tokens = lists[3], .slot = 0, .keep = true},
                                 {.tokens = lists[2], .past = 12, .slot = 1}},
                                &cache);
    for (const std::size_t i : {std::size_t{0}, std::size_t{2}}) {
      Tokens whole = lists[0];
      const Tokens& end = lists[i == 0 ? 1 : 2];
      whole.insert(whole.end(), end.begin(), end.end());
      std::vector<float> expected = run_batch(*model, {{.tokens = whole}})[0];
      expected.erase(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(start[0].size()));
      CHECK(test::relative_error(ends[i], expected) < 1e-5);
    }
    CHECK(run_batch(*model, {{.tokens = lists[3]}})[0] == ends[1]);
    // The past of slot 1 is still what it was.
    CHECK(run_batch(*model, {{.tokens = lists[1], .past = 12, .slot = 1}}, &cache)[0] == ends[0]);
  }
}

TEST("memory is what was planned") {
  const Json config_text = config_json("qwen3", {{"tie_word_embeddings", true}});
  const model::Config config = model::parse_config(config_text);
  const std::string folder = test::write_checkpoint(config_text, DType::BF16);
  const model::CheckpointFacts facts = model::read_checkpoint(folder);
  test::CountingDevice device(ops::open_device("cpu", 2, test::never_cancelled));
  const auto model = test::load_model(device, folder);
  const std::size_t weights = device.live_bytes();
  CHECK_EQ(weights, model::Model::planned_weight_bytes(device, facts));
  CHECK_EQ(weights, facts.weight_bytes);
  for (const std::int64_t count : {3, 17, 64}) {  // growing: the peak is that of the largest
    const Tokens tokens = token_lists(5, {count})[0];
    model->forward(std::vector<Sequence>{{.tokens = tokens}}, nullptr);
    CHECK_EQ(device.live_bytes() - weights, model::Model::planned_activation_bytes(device, config, count));
    CHECK_EQ(device.peak_bytes(), device.live_bytes());
  }
  const Tokens few = token_lists(5, {2})[0];
  model->forward(std::vector<Sequence>{{.tokens = few}}, nullptr);
  CHECK_EQ(device.live_bytes(), device.peak_bytes());
  const std::size_t before = device.live_bytes();
  model::KvCache cache(device, config, 3, 20);
  CHECK_EQ(device.live_bytes() - before, model::KvCache::planned_bytes(device, config, 3, 20));
}

TEST("tables of positions grow when later ones come, and change nothing of earlier ones") {
  const Json config = config_json("llama", {{"max_position_embeddings", 10000}});
  test::CountingDevice device(ops::open_device("cpu", 2, test::never_cancelled));
  const auto model = test::load_model(device, test::write_checkpoint(config));
  const std::size_t weights = device.live_bytes();
  const Tokens few = token_lists(9, {30})[0];
  const Tokens many = token_lists(9, {4100})[0];
  const auto before = run_batch(*model, {{.tokens = few}});
  CHECK_EQ(device.live_bytes() - weights, model::Model::planned_activation_bytes(device, model->config(), 30));
  run_batch(*model, {{.tokens = many}});
  CHECK_EQ(device.live_bytes() - weights, model::Model::planned_activation_bytes(device, model->config(), 4100));
  CHECK(model::Model::planned_activation_bytes(device, model->config(), 30, 4100) >
        model::Model::planned_activation_bytes(device, model->config(), 30));
  CHECK(run_batch(*model, {{.tokens = few}}) == before);
}

TEST("weights that the device stores in another type are rounded to it on their way") {
  const Json config = config_json("llama");
  const Tokens tokens = token_lists(6, {21})[0];
  // Numbers that bfloat16 holds exactly: it makes no difference how they are stored.
  const test::WeightMap weights = test::random_weight_map(model::parse_config(config), DType::BF16, 3);
  const std::string wide = test::write_checkpoint(config, weights, DType::F32);
  const std::string narrow = test::write_checkpoint(config, weights, DType::BF16);
  test::CountingDevice rounding(ops::open_device("cpu", 2, test::never_cancelled), DType::BF16);
  const auto rounded = test::load_model(rounding, wide);
  CHECK_EQ(rounding.live_bytes(), model::read_checkpoint(narrow).weight_bytes);
  CHECK_EQ(rounding.live_bytes(), model::Model::planned_weight_bytes(rounding, model::read_checkpoint(wide)));
  const auto device = ops::open_device("cpu", 2, test::never_cancelled);
  const auto stored = test::load_model(*device, narrow);
  CHECK(run_batch(*rounded, {{.tokens = tokens}}) == run_batch(*stored, {{.tokens = tokens}}));
}

TEST("loading tells its bytes, and stops when it is asked to") {
  const std::string folder = test::write_checkpoint(config_json("mistral"));
  const auto device = ops::open_device("cpu", 2, test::never_cancelled);
  core::Progress progress;
  const model::Model model(*device, folder, progress, test::never_cancelled);
  const auto bytes = static_cast<std::int64_t>(model::read_checkpoint(folder).weight_bytes);
  CHECK_EQ(progress.report().stage, "loading");
  CHECK_EQ(progress.report().done, bytes);
  CHECK_EQ(progress.report().total, bytes);
  core::CancelToken cancel;
  cancel.request();
  CHECK_ERROR("cancelled", model::Model(*device, folder, progress, cancel));
}

TEST("random weights are a function of their seed") {
  const model::Config config = model::parse_config(config_json("qwen2"));
  const Tokens tokens = token_lists(7, {15})[0];
  const auto device = ops::open_device("cpu", 2, test::never_cancelled);
  const auto run = [&](std::uint64_t seed) {
    model::Model model(*device, config, DType::BF16, seed);
    CHECK(model.head().type == DType::BF16);
    return run_batch(model, {{.tokens = tokens}})[0];
  };
  const std::vector<float> one = run(1);
  CHECK(one == run(1));
  CHECK(one != run(2));
  for (const float number : one) CHECK(std::isfinite(number));
}

TEST("what is not there is a bug of the caller") {
  const auto device = ops::open_device("cpu", 1, test::never_cancelled);
  const auto model = test::load_model(*device, test::write_checkpoint(config_json("llama")));
  model::KvCache cache(*device, model->config(), 2, 10);
  const Tokens fits = token_lists(8, {64})[0];
  const Tokens longer = token_lists(8, {65})[0];
  const Tokens strange{61};
  const Tokens negative{-1};
  const Tokens two{1, 2};
  const Tokens none;
  const auto refuses = [&](const Sequence& sequence, model::KvCache* with) {
    return is_bug([&] { model->forward(std::vector<Sequence>{sequence}, with); });
  };
  CHECK(!refuses({.tokens = fits}, nullptr));
  CHECK(refuses({.tokens = longer}, nullptr));
  CHECK(refuses({.tokens = strange}, nullptr));
  CHECK(refuses({.tokens = negative}, nullptr));
  CHECK(refuses({.tokens = none}, nullptr));
  CHECK(refuses({.tokens = two, .past = 3}, &cache));
  CHECK(refuses({.tokens = two, .past = 3, .slot = 0}, nullptr));
  CHECK(refuses({.tokens = two, .slot = 2, .keep = true}, &cache));
  CHECK(refuses({.tokens = two, .past = 9, .slot = 0, .keep = true}, &cache));
  CHECK(!refuses({.tokens = two, .past = 8, .slot = 0, .keep = true}, &cache));
  CHECK(!refuses({.tokens = two, .past = 10, .slot = 0}, &cache));
  CHECK(refuses({.tokens = two, .past = 11, .slot = 0}, &cache));
}
