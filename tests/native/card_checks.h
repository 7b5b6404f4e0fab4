// What a CUDA device must do right besides operator_checks.h: the same with rows that begin at multiples of 16 bytes, which take
// other paths through the kernels, decoding in large batches, and whole models against the processor.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "backward_checks.h"
#include "card_learning_checks.h"
#include "learning_checks.h"
#include "model_fixture.h"
#include "operator_checks.h"

namespace amalgam::test {

inline constexpr double rounded_once = 4e-3;     // a result stored as bfloat16
inline constexpr double rounded_often = 1e-2;    // with bfloat16 numbers on the way
inline constexpr double summed_in_float = 1e-5;  // a result stored as float
inline constexpr double model_tolerance = 3e-2;  // activations in bfloat16 through narrow layers with large random weights

/// Rows 16 bytes apart while it lives.
class AlignedRows {
 public:
  AlignedRows() : before_(std::exchange(usual_gap, 8)) {}
  ~AlignedRows() { usual_gap = before_; }
  AlignedRows(const AlignedRows&) = delete;
  AlignedRows& operator=(const AlignedRows&) = delete;

 private:
  std::int64_t before_;
};

inline void check_aligned_norms_and_gates(ops::Device& device) {
  const AlignedRows aligned;
  Random random(31);
  for (const std::int64_t cols : {8, 128, 1024, 4096}) {
    const std::int64_t rows = random.integer(1, 20);
    Numbers x = random_numbers(random, rows, cols, 30);
    Numbers up = random_numbers(random, rows, cols);
    Numbers weight = random_numbers(random, 1, cols);
    const Placed in(device, DType::BF16, x);
    const Placed other(device, DType::BF16, up);
    const Placed factors(device, DType::BF16, weight);
    const Placed out(device, DType::BF16, rows, cols);
    device.rms_norm(in.view(), factors.view(), 1e-6f, out.view());
    check_close(out, reference::rms_norm(x, weight, 1e-6), rounded_once, sizes("rms_norm", {rows, cols}));
    device.swiglu(in.view(), other.view(), out.view());
    check_close(out, reference::swiglu(x, up), rounded_once, sizes("swiglu", {rows, cols}));
    device.add(other.view(), in.view());
    check_close(other, reference::add(up, x), rounded_once, sizes("add", {rows, cols}));
  }
}

/// Products into float, of few rows and of many, longer than a tile in every direction.
inline void check_aligned_linear(ops::Device& device) {
  const AlignedRows aligned;
  Random random(32);
  struct Shape {
    std::int64_t rows, in, out;
  };
  for (const Shape& shape : {Shape{1, 512, 70}, {2, 264, 33}, {3, 8, 5}, {4, 1024, 9}, {5, 64, 130}, {200, 136, 257}}) {
    Numbers x = random_numbers(random, shape.rows, shape.in);
    Numbers w = random_numbers(random, shape.out, shape.in);
    Numbers start = random_numbers(random, shape.rows, shape.out);
    const Placed in(device, DType::BF16, x);
    const Placed weights(device, DType::BF16, w);
    const Placed sum(device, DType::F32, start);
    device.linear(in.view(), weights.view(), sum.view(), ops::Into::accumulate);
    const Numbers expected = reference::linear(x, w);
    const std::string what = sizes("linear into float", {shape.rows, shape.in, shape.out});
    check_close(sum, reference::add(start, expected), 1e-5, what + " added");
    const Placed out(device, DType::F32, shape.rows, shape.out);
    device.linear(in.view(), weights.view(), out.view(), ops::Into::overwrite);
    check_close(out, expected, 1e-5, what);
    const Placed narrow(device, DType::BF16, shape.rows, shape.out);
    device.linear(in.view(), weights.view(), narrow.view(), ops::Into::overwrite);
    check_close(narrow, expected, rounded_once, what + ", rounded");
  }
}

/// One row per sequence, with pasts of many lengths, on every width of a head and number of heads that share keys.
inline void check_decode(ops::Device& device) {
  const AlignedRows aligned;
  Random random(33);
  struct Shape {
    std::int64_t heads, kv_heads, head_dim, window;
  };
  const std::vector<Shape> shapes{{2, 2, 8, 0},  {6, 2, 16, 7},   {7, 1, 24, 0},   {8, 1, 64, 300},
                                  {5, 1, 80, 0}, {4, 1, 128, 0}, {18, 2, 128, 40}, {3, 3, 256, 0}};
  for (const Shape& shape : shapes) {
    const std::int64_t positions = 700;
    const std::int64_t kv_cols = shape.kv_heads * shape.head_dim;
    std::vector<ops::SequenceRows> sequences;
    for (const std::int64_t past : {0, 1, 255, 256, 600}) {
      sequences.push_back({static_cast<std::int64_t>(sequences.size()), 1, past, static_cast<std::int64_t>(sequences.size()) % 2});
    }
    const auto rows = static_cast<std::int64_t>(sequences.size());
    Numbers q = random_numbers(random, rows, shape.heads * shape.head_dim, 3);
    Numbers k = random_numbers(random, rows, kv_cols, 3);
    Numbers v = random_numbers(random, rows, kv_cols);
    Numbers keys = random_numbers(random, 2 * positions, kv_cols, 3);
    Numbers values = random_numbers(random, 2 * positions, kv_cols);
    const Placed placed_q(device, DType::BF16, q);
    const Placed placed_k(device, DType::BF16, k);
    const Placed placed_v(device, DType::BF16, v);
    const Placed placed_keys(device, DType::BF16, keys);
    const Placed placed_values(device, DType::BF16, values);
    const ops::CacheLayer cache{placed_keys.view(), placed_values.view(), positions};
    const ops::AttentionShape attention{shape.heads, shape.kv_heads, shape.head_dim, shape.window};
    const Placed out(device, DType::BF16, rows, q.cols());
    device.attention(placed_q.view(), placed_k.view(), placed_v.view(), cache, sequences, attention, out.view());
    check_close(out, reference::attention(q, k, v, keys, values, positions, sequences, attention), rounded_often,
                sizes("decoding", {shape.heads, shape.kv_heads, shape.head_dim, shape.window}));
    const Numbers together = out.read();
    for (std::int64_t i = 0; i < rows; ++i) {
      const Placed alone(device, DType::BF16, 1, q.cols());
      const auto row = [&](const Placed& placed) { return placed.view().row_range(i, 1); };
      ops::SequenceRows one = sequences[static_cast<std::size_t>(i)];
      one.first = 0;
      device.attention(row(placed_q), row(placed_k), row(placed_v), cache, {&one, 1}, attention, alone.view());
      CHECK(std::memcmp(alone.read().data(), together.row(i), static_cast<std::size_t>(q.cols()) * sizeof(double)) == 0);
    }
  }
}

/// Prefilling with aligned rows: wide heads, windows and pasts.
inline void check_prefill(ops::Device& device) {
  const AlignedRows aligned;
  Random random(34);
  for (const auto& [head_dim, window] : {std::pair{8, 0}, {64, 70}, {128, 0}, {256, 20}}) {
    const std::int64_t positions = 160;
    const ops::AttentionShape shape{2, 1, head_dim, window};
    const std::vector<ops::SequenceRows> sequences{{0, 130, 0, -1}, {130, 65, 150, 0}, {195, 2, 3, 1}};
    const std::int64_t rows = 197;
    Numbers q = random_numbers(random, rows, 2 * head_dim, 3);
    Numbers k = random_numbers(random, rows, head_dim, 3);
    Numbers v = random_numbers(random, rows, head_dim);
    Numbers keys = random_numbers(random, 2 * positions, head_dim, 3);
    Numbers values = random_numbers(random, 2 * positions, head_dim);
    const Placed placed_q(device, DType::BF16, q);
    const Placed placed_k(device, DType::BF16, k);
    const Placed placed_v(device, DType::BF16, v);
    const Placed placed_keys(device, DType::BF16, keys);
    const Placed placed_values(device, DType::BF16, values);
    const Placed out(device, DType::BF16, rows, q.cols());
    device.attention(placed_q.view(), placed_k.view(), placed_v.view(),
                     {placed_keys.view(), placed_values.view(), positions}, sequences, shape, out.view());
    check_close(out, reference::attention(q, k, v, keys, values, positions, sequences, shape), rounded_often,
                sizes("prefilling", {head_dim, window}));
  }
}

/// Gradients with aligned rows, wide heads among them.
inline void check_aligned_gradients(ops::Device& device) {
  const AlignedRows aligned;
  check_linear_back(device, rounded_once, summed_in_float);
  check_weight_back(device, summed_in_float);
  check_dropout(device, rounded_once);
  check_rms_norm_back(device, rounded_once);
  check_rope_back(device, rounded_once);
  check_swiglu_back(device, rounded_once);
  for (const AttentionBackCase& one : {AttentionBackCase{{2, 1, 32, 0}, {65, 3}}, {{2, 1, 64, 20}, {90}},
                                       {{2, 1, 128, 0}, {70, 9}}, {{1, 1, 256, 30}, {80}}}) {
    check_attention_back_case(device, rounded_often, one);
  }
}

/// What one forward pass of mixed sequences, a step of decoding with the cache, and rank units give.
inline std::vector<std::vector<float>> run_model(ops::Device& device, const std::string& folder,
                                                 const OpenAdapters& adapters) {
  const auto model = load_model(device, folder);
  const model::UnitStack units(device, model->config(), adapters.adapters,
                               std::vector{adapters.coefficients({0.2, -0.1}), adapters.coefficients({0, 0.3})},
                               never_cancelled);
  Random random(35);
  std::vector<std::vector<std::int32_t>> tokens;
  for (const std::int64_t length : {19, 1, 30, 6}) tokens.push_back(random_tokens(random, length, 61));
  model::KvCache cache(device, model->config(), 2, 64);
  std::vector<model::Sequence> batch{{.tokens = tokens[0], .slot = 0, .keep = true},
                                     {.tokens = tokens[1], .slot = 1, .keep = true},
                                     {.tokens = tokens[2], .units = &units, .set = 0},
                                     {.tokens = tokens[3], .units = &units, .set = 1}};
  std::vector<std::vector<float>> results = run_batch(*model, batch, &cache);
  const std::vector<std::int32_t> next = random_tokens(random, 3, 61);
  const std::vector<model::Sequence> step{{.tokens = {next.data(), 1}, .past = 19, .slot = 0, .keep = true},
                                          {.tokens = {next.data() + 1, 2}, .past = 1, .slot = 1, .keep = true}};
  for (std::vector<float>& states : run_batch(*model, step, &cache)) results.push_back(std::move(states));
  return results;
}

/// A tiny model of every family on the device and on the processor, from the same bfloat16 weights.
inline void check_models(ops::Device& device) {
  const auto processor = ops::open_device("cpu", 2, never_cancelled);
  const std::vector<core::Json> configs{config_json("llama", {{"attention_bias", true}, {"tie_word_embeddings", true}}),
                                        config_json("mistral", {{"sliding_window", 5}}), config_json("qwen2"),
                                        config_json("qwen3")};
  for (const core::Json& config : configs) {
    const std::string folder = write_checkpoint(config, DType::BF16);
    Random random(36);
    OpenAdapters adapters;
    using enum model::Linear;
    const model::Config parsed = model::parse_config(config);
    adapters.add("first", random_adapter(random, parsed, 4, {q, k, v, o, gate, up, down}));
    adapters.add("second", random_adapter(random, parsed, 7, {q, down}));
    const auto actual = run_model(device, folder, adapters);
    const auto expected = run_model(*processor, folder, adapters);
    CHECK_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const double error = relative_error(actual[i], expected[i]);
      const std::string family = config.get_string("model_type");
      if (!(error < model_tolerance)) fail(family + ", sequence " + std::to_string(i) + ": " + shown(error), AMALGAM_HERE);
    }
    CHECK(run_model(device, folder, adapters) == actual);
  }
}

/// Every check of a CUDA device, by name.
struct NamedCheck {
  const char* name;
  void (*run)(ops::Device& device);
};

inline const std::vector<NamedCheck>& cuda_checks() {
  static const std::vector<NamedCheck> checks{
      {"embedding", [](ops::Device& device) { check_embed(device); }},
      {"norms", [](ops::Device& device) { check_rms_norm(device, rounded_once); }},
      {"linear layers", [](ops::Device& device) { check_linear(device, rounded_once); }},
      {"sums and biases", [](ops::Device& device) { check_sums(device, rounded_once); }},
      {"rank units", [](ops::Device& device) { check_add_units(device, rounded_often); }},
      {"rotary positions", [](ops::Device& device) { check_rope(device, rounded_once); }},
      {"attention", [](ops::Device& device) { check_attention(device, rounded_often); }},
      {"kept keys", [](ops::Device& device) { check_keep_keys(device); }},
      {"gated units", [](ops::Device& device) { check_swiglu(device, rounded_once); }},
      {"choices of tokens", [](ops::Device& device) { check_token_choices(device, 1e-4); }},
      {"ties", [](ops::Device& device) { check_token_choices_at_the_edges(device); }},
      {"aligned norms, gates and sums", check_aligned_norms_and_gates},
      {"aligned products", check_aligned_linear},
      {"aligned attention",
       [](ops::Device& device) {
         const AlignedRows aligned;
         check_attention(device, rounded_often);
       }},
      {"aligned rank units, rotations and kept keys",
       [](ops::Device& device) {
         const AlignedRows aligned;
         check_add_units(device, rounded_often);
         check_rope(device, rounded_once);
         check_keep_keys(device);
         check_embed(device);
       }},
      {"gradients through linear layers",
       [](ops::Device& device) { check_linear_back(device, rounded_once, summed_in_float); }},
      {"gradients of weights", [](ops::Device& device) { check_weight_back(device, summed_in_float); }},
      {"gradients of rank units",
       [](ops::Device& device) { check_unit_gradients(device, rounded_once, summed_in_float); }},
      {"dropout", [](ops::Device& device) { check_dropout(device, rounded_once); }},
      {"gradients through norms", [](ops::Device& device) { check_rms_norm_back(device, rounded_once); }},
      {"gradients through rotary positions", [](ops::Device& device) { check_rope_back(device, rounded_once); }},
      {"gradients through attention", [](ops::Device& device) { check_attention_back(device, rounded_often); }},
      {"gradients through gated units", [](ops::Device& device) { check_swiglu_back(device, rounded_once); }},
      {"losses of tokens", [](ops::Device& device) { check_token_loss(device, rounded_often, 1e-4); }},
      {"losses at the edges", check_token_loss_at_the_edges},
      {"lengths of gradients", check_squared_norm},
      {"steps of learning", [](ops::Device& device) { check_adamw(device, 1e-6); }},
      {"aligned gradients", check_aligned_gradients},
      {"decoding", check_decode},
      {"prefilling", check_prefill},
      {"models", check_models},
      {"learning", check_learning},
  };
  return checks;
}

}  // namespace amalgam::test
