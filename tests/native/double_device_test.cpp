// The device in double: its arrays lead to the references, and a model runs on it.
#include <cmath>
#include <vector>

#include "double_device.h"
#include "model_fixture.h"
#include "operator_checks.h"
#include "ops/cpu/cpu_device.h"

using namespace amalgam;
using namespace amalgam::test;

namespace {

/// The hidden states of two packed sequences with units and of one that goes on from the cache.
std::vector<double> hidden_states(ops::Device& device, const std::string& folder) {
  const auto model = load_model(device, folder);
  const model::Config& config = model->config();
  Random random(4);
  OpenAdapters open;
  open.add("units", random_adapter(random, config, 3, {model::Linear::q, model::Linear::down}));
  const std::vector<model::Coefficients> sets{open.coefficients({0.7}), open.coefficients({-1.3})};
  const model::UnitStack units(device, config, open.adapters, sets, never_cancelled);
  const std::vector<std::int32_t> tokens = random_tokens(random, 24, config.vocabulary);
  const std::span<const std::int32_t> all(tokens);
  model::KvCache cache(device, config, 1, 32);
  std::vector<double> numbers;
  const auto run = [&](const std::vector<model::Sequence>& batch) {
    const ops::Array hidden = model->forward(batch, &cache);
    std::vector<std::byte> stored(ops::array_bytes(hidden.type, hidden.rows, hidden.cols));
    device.download(stored.data(), hidden.data, stored.size());
    const std::vector<double> of_batch = numbers_stored(hidden.type, stored);
    numbers.insert(numbers.end(), of_batch.begin(), of_batch.end());
  };
  run({{all.first(9), 0, 0, true, &units, 1}, {all.subspan(9, 11), 0, -1, false, &units, 0}});
  run({{all.last(4), 9, 0, true, nullptr, 0}});
  return numbers;
}

}  // namespace

TEST("every operator of the double device computes in double") {
  DoubleDevice device;
  constexpr double tolerance = 1e-14;
  check_embed(device);
  check_rms_norm(device, 1e-8);  // its eps comes as a float
  check_linear(device, tolerance);
  check_sums(device, tolerance);
  check_add_units(device, tolerance);
  check_rope(device, tolerance);
  check_attention(device, tolerance);
  check_keep_keys(device);
  check_swiglu(device, tolerance);
  check_token_choices(device, tolerance);
  check_token_choices_at_the_edges(device);
}

TEST("a model in double agrees with the processor's, whatever its weights are stored in") {
  for (const core::DType type : {core::DType::F32, core::DType::BF16, core::DType::F16}) {
    const std::string folder = write_checkpoint(config_json("qwen3", {{"max_position_embeddings", 64}}), type);
    DoubleDevice in_double;
    ops::cpu::CpuDevice in_float(1, never_cancelled);
    const std::vector<double> exact = hidden_states(in_double, folder);
    const std::vector<double> rounded = hidden_states(in_float, folder);
    CHECK_EQ(exact.size(), rounded.size());
    double difference = 0;
    double length = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      difference += (exact[i] - rounded[i]) * (exact[i] - rounded[i]);
      length += exact[i] * exact[i];
    }
    CHECK(std::sqrt(difference / length) < 1e-5);
    CHECK(difference > 0);
  }
}

TEST("random weights on the double device are those of the processor") {
  const model::Config config = model::parse_config(config_json("llama"));
  DoubleDevice in_double;
  ops::cpu::CpuDevice in_float(1, never_cancelled);
  model::Model exact(in_double, config, core::DType::F32, 5);
  model::Model rounded(in_float, config, core::DType::F32, 5);
  const reference::Numbers expected = numbers_of(rounded.head());
  CHECK(same_bits(numbers_of(exact.head()), expected));
  CHECK(expected.rows() == config.vocabulary && expected(3, 3) != 0);
}
