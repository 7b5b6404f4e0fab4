// Forward and backward through whole models: gradients against finite differences in double, float against double,
// recomputed layers, threads, and batches cut differently.
#include <string>
#include <vector>

#include "counting_device.h"
#include "double_device.h"
#include "learn_fixture.h"
#include "model/learn_linear.h"
#include "runner.h"

using namespace amalgam;
using core::DType;
using model::Keep;
using model::LearnPass;
using model::LearnUnits;
using ops::TokenObjective;
using test::Gradients;
using test::Learners;
using test::Lesson;

namespace {

/// Everything of a test but the device.
struct Setting {
  Setting(const std::string& family, float dropout, std::uint64_t seed = 11)
      : text(test::learning_config(family)), config(model::parse_config(text)), random(seed) {
    learners = test::mixed_learners(random, config, dropout);
    coefficients = test::random_coefficients(random, learners);
    lessons = test::random_lessons(random, {6, 1, 4}, config.vocabulary);
    folder = test::write_checkpoint(text, DType::F32, seed);
  }

  core::Json text;
  model::Config config;
  test::Random random;
  Learners learners;
  test::UnitCoefficients coefficients;
  std::vector<Lesson> lessons;
  std::string folder;
};

/// Values and gradients of some passes.
struct Result {
  std::vector<double> values;
  Gradients gradients;
};

Result learn(ops::Device& device, const Setting& setting, TokenObjective objective, Keep keep,
             const std::vector<std::vector<Lesson>>& passes) {
  const auto model = test::load_model(device, setting.folder);
  LearnUnits units = setting.learners.units(device, setting.config);
  test::set_all(units, setting.coefficients);
  LearnPass pass(*model, units, keep);
  Result result;
  for (const std::vector<Lesson>& lessons : passes) {
    const std::vector<double> values = pass.learn(test::sequences_of(lessons), objective);
    result.values.insert(result.values.end(), values.begin(), values.end());
  }
  result.gradients = test::gradients_of(device, units);
  return result;
}

/// Central finite differences of the weighted sum by every coefficient and every entry of every trained factor.
Gradients finite_differences(ops::Device& device, const Setting& setting, TokenObjective objective) {
  constexpr double step = 1e-5;
  const auto model = test::load_model(device, setting.folder);
  LearnUnits units = setting.learners.units(device, setting.config);
  test::set_all(units, setting.coefficients);
  LearnPass pass(*model, units, Keep::activations);
  const std::vector<model::LearnSequence> batch = test::sequences_of(setting.lessons);
  const auto loss = [&] { return test::weighted_sum(setting.lessons, pass.learn(batch, objective)); };
  const auto difference = [&](double& number, const std::function<void()>& put) {
    const double original = number;
    number = original + step;
    put();
    const double above = loss();
    number = original - step;
    put();
    const double below = loss();
    number = original;
    put();
    return (above - below) / (2 * step);
  };
  Gradients differences;
  test::UnitCoefficients coefficients = setting.coefficients;
  for (std::size_t a = 0; a < coefficients.size(); ++a) {
    for (std::size_t m = 0; m < coefficients[a].size(); ++m) {
      std::vector<double>& own = differences[test::gradient_name("coefficients", units, a, m)];
      for (double& number : coefficients[a][m]) {
        own.push_back(difference(number, [&] { units.set_coefficients(a, m, coefficients[a][m]); }));
      }
    }
  }
  for (const model::TrainedFactor& factor : units.trained()) {
    std::vector<double> numbers = model::read_numbers(device, factor.values);
    std::vector<double>& own =
        differences[test::gradient_name(factor.is_b ? "B" : "A", units, factor.adapter, factor.module)];
    for (double& number : numbers) {
      own.push_back(difference(number, [&] {
        model::write_numbers(device, factor.values, std::span<const double>(numbers));
      }));
    }
  }
  return differences;
}

/// Families whose gradients are compared with finite differences; all take the same ways through the code in the tests below.
std::vector<std::string> differentiated_families() {
  if (test::sanitized) return {"llama"};
  return test::learning_families;
}

void check_differences(const std::string& family, TokenObjective objective, float dropout) {
  test::DoubleDevice device;
  const Setting setting(family, dropout);
  const Gradients expected = finite_differences(device, setting, objective);
  for (const Keep keep : {Keep::activations, Keep::layer_inputs}) {
    const Gradients actual = learn(device, setting, objective, keep, {setting.lessons}).gradients;
    CHECK_EQ(actual.size(), expected.size());
    for (const auto& [name, numbers] : expected) {
      const double error = test::relative_error(actual.at(name), numbers);
      if (!(error < 1e-6)) test::fail(family + ": " + name + " is off by " + std::to_string(error), AMALGAM_HERE);
    }
  }
}

std::vector<std::vector<Lesson>> one_by_one(const std::vector<Lesson>& lessons) {
  std::vector<std::vector<Lesson>> passes;
  for (const Lesson& lesson : lessons) passes.push_back({lesson});
  return passes;
}

}  // namespace

TEST("gradients of the cross-entropy are finite differences, with dropout") {
  for (const std::string& family : differentiated_families()) {
    check_differences(family, TokenObjective::cross_entropy, 0.4f);
  }
}

TEST("gradients of the entropy are finite differences") {
  for (const std::string& family : differentiated_families()) check_differences(family, TokenObjective::entropy, 0);
}

TEST("coefficients that start at 0 have their gradients") {
  test::DoubleDevice device;
  Setting setting("llama", 0);
  for (auto& adapter : setting.coefficients) {
    for (auto& module : adapter) std::ranges::fill(module, 0.0);
  }
  const Gradients expected = finite_differences(device, setting, TokenObjective::cross_entropy);
  const Gradients actual =
      learn(device, setting, TokenObjective::cross_entropy, Keep::activations, {setting.lessons}).gradients;
  for (const auto& [name, numbers] : expected) {
    if (name.starts_with("coefficients")) {
      CHECK(test::relative_error(actual.at(name), numbers) < 1e-6);
    } else {
      CHECK_EQ(test::relative_error(actual.at(name), std::vector<double>(numbers.size())), 0.0);
    }
  }
}

TEST("float agrees with double") {
  for (const std::string& family : test::learning_families) {
    for (const TokenObjective objective : {TokenObjective::cross_entropy, TokenObjective::entropy}) {
      const Setting setting(family, 0.4f);
      test::DoubleDevice wide;
      const auto device = ops::open_device("cpu", 2, test::never_cancelled);
      const Result expected = learn(wide, setting, objective, Keep::activations, {setting.lessons});
      const Result actual = learn(*device, setting, objective, Keep::activations, {setting.lessons});
      CHECK(test::relative_error(actual.values, expected.values) < 1e-5);
      CHECK(test::relative_error(test::joined(actual.gradients), test::joined(expected.gradients)) < 1e-5);
    }
  }
}

TEST("layers that are computed once more give the same bits, and so do threads") {
  for (const std::string& family : test::learning_families) {
    const Setting setting(family, 0.4f);
    const auto one = ops::open_device("cpu", 1, test::never_cancelled);
    const auto three = ops::open_device("cpu", 3, test::never_cancelled);
    const Result kept = learn(*one, setting, TokenObjective::cross_entropy, Keep::activations, {setting.lessons});
    const Result again = learn(*one, setting, TokenObjective::cross_entropy, Keep::layer_inputs, {setting.lessons});
    const Result threads = learn(*three, setting, TokenObjective::cross_entropy, Keep::activations, {setting.lessons});
    CHECK(kept.values == again.values);
    CHECK(kept.gradients == again.gradients);
    CHECK(kept.values == threads.values);
    CHECK(kept.gradients == threads.gradients);
  }
}

TEST("sequences do not depend on their neighbours, masks included") {
  for (const std::string& family : test::learning_families) {
    Setting setting(family, 0.4f);
    const auto device = ops::open_device("cpu", 2, test::never_cancelled);
    const auto passes = one_by_one(setting.lessons);
    const Result packed = learn(*device, setting, TokenObjective::cross_entropy, Keep::activations, {setting.lessons});
    const Result alone = learn(*device, setting, TokenObjective::cross_entropy, Keep::layer_inputs, passes);
    CHECK(packed.values == alone.values);
    CHECK(test::relative_error(test::joined(packed.gradients), test::joined(alone.gradients)) < 1e-5);
    // Another key gives other masks.
    setting.lessons[0].key += 1;
    const Result other = learn(*device, setting, TokenObjective::cross_entropy, Keep::activations, {setting.lessons});
    CHECK(other.values != packed.values);
    CHECK(std::equal(other.values.begin() + 6, other.values.end(), packed.values.begin() + 6));
  }
}

TEST("keys of masks") {
  using model::Linear;
  const std::uint64_t key = model::mask_key(5, 1, 2, Linear::o);
  CHECK_EQ(key, model::mask_key(5, 1, 2, Linear::o));
  for (const std::uint64_t other : {model::mask_key(6, 1, 2, Linear::o), model::mask_key(5, 0, 2, Linear::o),
                                    model::mask_key(5, 1, 3, Linear::o), model::mask_key(5, 1, 2, Linear::v),
                                    model::mask_key(5 + (std::uint64_t{1} << 32), 1, 2, Linear::o)}) {
    CHECK(other != key);
  }
}
