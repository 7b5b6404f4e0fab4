// Raw numbers and coefficients: starts, places, softmax, and derivatives against finite differences in double.
#include <cmath>
#include <string>
#include <vector>

#include "double_device.h"
#include "learn/coefficients.h"
#include "learn/objective.h"
#include "learn/sequences.h"
#include "learn_fixture.h"
#include "runner.h"

using namespace amalgam;
using learn::Activation;
using learn::Coefficients;
using learn::Granularity;
using learn::ObjectiveKind;
using learn::StartKind;

namespace {

constexpr std::int64_t pass_tokens = 9;  // makes several passes of the examples

/// Two adapters of different ranks, of which one lacks a linear layer.
struct Setting {
  Setting() : config(model::parse_config(test::config_json("llama"))), random(4) {
    learners.add(random, config, {.rank = 2, .linears = {model::Linear::q, model::Linear::down}});
    learners.add(random, config, {.rank = 3, .linears = {model::Linear::q}});
    folder = test::write_checkpoint(test::config_json("llama"), core::DType::F32, 4);
    for (const model::LearnAdapter& adapter : learners.adapters) {
      learn::AdapterRequest& request = requests.emplace_back();
      request.name = request.key = adapter.name;
      for (const model::LearnModule& module : adapter.modules) {
        request.modules.push_back({module.name, "a", "b", module.rank, module.in, module.out, module.scaling});
      }
    }
    for (const std::int64_t group : {0, 0, 3}) {
      examples.push_back({test::random_tokens(random, 4, config.vocabulary),
                          test::random_tokens(random, 2, config.vocabulary), group});
    }
  }

  model::Config config;
  test::Random random;
  test::Learners learners;
  std::vector<learn::AdapterRequest> requests;
  std::vector<learn::Example> examples;
  std::string folder;
};

/// Derivatives of the objective by every raw number agree with central differences.
void check_derivatives(const Setting& setting, Granularity granularity, Activation activation, ObjectiveKind kind) {
  test::DoubleDevice device;
  const auto model = test::load_model(device, setting.folder);
  model::LearnUnits units = setting.learners.units(device, setting.config);
  model::LearnPass pass(*model, units, model::Keep::activations);
  learn::Objective objective({.kind = kind, .temperature = 0.3});
  learn::Passes passes(pass, objective.of_tokens(), pass_tokens, 2);
  const std::vector<learn::JudgedSequence> examples =
      learn::judged_sequences(setting.examples, kind, setting.config, "train");
  const learn::SequenceList list = learn::all_of(examples);
  Coefficients coefficients(setting.requests, setting.config, granularity, activation);
  coefficients.start({.start = StartKind::normal}, setting.requests, 9);
  coefficients.apply(units);
  if (objective.needs_sums_first()) objective.begin(list, passes.measure(list));
  for (float& number : coefficients.raw()) number += 0.25f;
  const auto loss = [&] {
    coefficients.apply(units);
    return objective.loss(list, passes.measure(list));
  };
  const double present = loss();
  units.zero_gradients();
  const std::vector<double> sums = passes.measure(list);
  const std::vector<std::uint64_t> keys(list.size(), 0);
  const std::vector<double> learned = passes.learn(list, objective.weights(list, sums), keys);
  CHECK(learned == sums);
  const std::vector<double> gradients = coefficients.gradients(units);
  constexpr float step = 0x1p-13f;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    float& number = coefficients.raw()[i];
    const float original = number;
    number = original + step;
    const double up = static_cast<double>(number);
    const double more = loss();
    number = original - step;
    const double difference = (more - loss()) / (up - static_cast<double>(number));
    number = original;
    CHECK_NEAR(gradients[i], difference, 2e-6 * std::max(1.0, std::abs(difference)));
  }
  CHECK_EQ(loss(), present);
}

}  // namespace

TEST("every granularity has its number of numbers") {
  const Setting setting;
  const auto count = [&](Granularity granularity) {
    return Coefficients(setting.requests, setting.config, granularity, Activation::identity).raw().size();
  };
  const auto layers = static_cast<std::size_t>(setting.config.layers);
  CHECK_EQ(count(Granularity::adapter), std::size_t{2});
  CHECK_EQ(count(Granularity::layer), 2 * layers);
  CHECK_EQ(count(Granularity::sublayer), 3 * layers);
  CHECK_EQ(count(Granularity::module), 3 * layers);
  CHECK_EQ(count(Granularity::unit), (2 + 2 + 3) * layers);
}

TEST("derivatives by raw numbers agree with finite differences for every granularity and activation") {
  const Setting setting;
  for (const Granularity granularity : {Granularity::adapter, Granularity::layer, Granularity::sublayer,
                                        Granularity::module, Granularity::unit}) {
    for (const Activation activation : {Activation::identity, Activation::square, Activation::softmax,
                                        Activation::sigmoid, Activation::leaky_relu}) {
      check_derivatives(setting, granularity, activation, ObjectiveKind::cross_entropy);
    }
  }
}

TEST("derivatives of entropies and of their smooth maximum agree with finite differences") {
  const Setting setting;
  check_derivatives(setting, Granularity::module, Activation::identity, ObjectiveKind::entropy);
  check_derivatives(setting, Granularity::module, Activation::identity, ObjectiveKind::tchebycheff);
}

TEST("leaky ReLU has the slope 0.01 at and below 0, softmax makes 1 of what shares a place") {
  const Setting setting;
  Coefficients leaky(setting.requests, setting.config, Granularity::adapter, Activation::leaky_relu);
  leaky.raw()[0] = -2;
  leaky.raw()[1] = 3;
  CHECK_NEAR(leaky.active(leaky.raw())[0], -0.02, 1e-9);
  CHECK_NEAR(leaky.active(leaky.raw())[1], 3, 0);
  Coefficients soft(setting.requests, setting.config, Granularity::module, Activation::softmax);
  soft.raw()[0] = 1000;  // without overflow
  const std::vector<double> active = soft.active(soft.raw());
  CHECK_NEAR(active[0], 1, 1e-12);  // q of layer 0 is both adapters', down the first one's alone
  CHECK_NEAR(active[1], 1, 1e-12);
}

TEST("start values are what they are called, and random ones hang on seed, key and place") {
  const Setting setting;
  const auto start = [&](StartKind kind, std::uint64_t seed) {
    Coefficients coefficients(setting.requests, setting.config, Granularity::adapter, Activation::identity);
    coefficients.start({.start = kind, .value = 0.75}, setting.requests, seed);
    return std::vector<float>(coefficients.raw().begin(), coefficients.raw().end());
  };
  CHECK(start(StartKind::constant, 1) == (std::vector{0.75f, 0.75f}));
  CHECK(start(StartKind::first, 1) == (std::vector{0.75f, 0.0f}));
  CHECK_NEAR(start(StartKind::equal, 1)[1], std::sqrt(0.5), 1e-7);
  const std::vector<float> uniform = start(StartKind::uniform, 1);
  CHECK(uniform[0] >= 0 && uniform[0] < 1 && uniform[0] != uniform[1]);
  CHECK(uniform == start(StartKind::uniform, 1));
  CHECK(uniform != start(StartKind::uniform, 2));
  CHECK(start(StartKind::normal, 1) != uniform);
}
