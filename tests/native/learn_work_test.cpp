// What passes that learn leave undone, what memory they take, and their values against the plain forward pass.
#include <map>
#include <string>
#include <vector>

#include "counting_device.h"
#include "learn_fixture.h"
#include "runner.h"

using namespace amalgam;
using core::DType;
using model::Keep;
using model::LearnPass;
using model::LearnUnits;
using model::Linear;
using ops::TokenObjective;
using test::Learners;
using test::Lesson;

namespace {

using Calls = std::map<std::string, int>;

struct Base {
  explicit Base(const std::string& family = "llama")
      : config(model::parse_config(test::learning_config(family))),
        model(test::load_model(device, test::write_checkpoint(test::learning_config(family)))),
        lessons(test::random_lessons(random, {6, 3}, config.vocabulary)) {}

  LearnUnits units(bool wants_coefficients, const std::vector<test::LearnerKind>& kinds) {
    learners = {};
    for (const test::LearnerKind& kind : kinds) learners.add(random, config, kind);
    return learners.units(device, config, wants_coefficients);
  }
  /// Calls of one pass.
  Calls learn(LearnUnits& learnt, Keep keep = Keep::activations) {
    LearnPass pass(*model, learnt, keep);
    device.take_calls();
    pass.learn(test::sequences_of(lessons), TokenObjective::cross_entropy);
    return device.take_calls();
  }
  std::vector<double> measure(LearnUnits& learnt, TokenObjective objective = TokenObjective::cross_entropy) {
    return LearnPass(*model, learnt, Keep::activations).measure(test::sequences_of(lessons), objective);
  }

  test::Random random{3};
  test::CountingDevice device{ops::open_device("cpu", 2, test::never_cancelled)};
  model::Config config;
  std::unique_ptr<model::Model> model;
  std::vector<Lesson> lessons;
  Learners learners;
};

/// -log p of every judged token by Model::forward and token_choices, 0 elsewhere.
std::vector<double> plain_values(Base& base, const model::UnitStack* stack) {
  std::vector<model::Sequence> batch;
  std::vector<std::int32_t> targets;
  for (const Lesson& lesson : base.lessons) {
    batch.push_back({.tokens = lesson.tokens, .units = stack});
    for (std::size_t t = 0; t < lesson.tokens.size(); ++t) {
      targets.push_back(lesson.weights[t] == 0 ? -1 : lesson.targets[t]);
    }
  }
  std::vector<double> values(targets.size());
  const ops::Array hidden = base.model->forward(batch, nullptr);
  base.device.token_choices(hidden, base.model->head(), targets, values, {});
  for (double& value : values) value = 0 - value;
  return values;
}

}  // namespace

TEST("values are those of the plain forward pass") {
  for (const std::string& family : test::learning_families) {
    Base base(family);
    LearnUnits units = base.units(true, {{.rank = 3}, {.rank = 2, .linears = {Linear::q, Linear::down}}});
    test::OpenAdapters open;
    for (std::size_t a = 0; a < 2; ++a) {
      test::Adapter adapter{{}, 0.5, DType::F32};
      for (std::size_t m = 0; m < base.learners.adapters[a].modules.size(); ++m) {
        const model::FactorValues& own = base.learners.values[a][m];
        adapter.modules[base.learners.adapters[a].modules[m].name] = {own.a.copy(), own.b.copy()};
      }
      open.add("adapter", adapter);
    }
    for (const std::vector<double>& c : {std::vector{0.7, -0.3}, std::vector{0.0, 0.0}}) {
      for (std::size_t a = 0; a < 2; ++a) {
        for (std::size_t m = 0; m < base.learners.adapters[a].modules.size(); ++m) {
          units.set_coefficients(a, m, std::span(&c[a], 1));
        }
      }
      const std::vector<model::Coefficients> sets{open.coefficients(c)};
      const model::UnitStack stack(base.device, base.config, open.adapters, sets, test::never_cancelled);
      const std::vector<double> values = base.measure(units);
      CHECK(test::relative_error(values, plain_values(base, &stack)) < 1e-5);
      CHECK_EQ(values[1], 0.0);
    }
    CHECK(test::relative_error(base.measure(units), plain_values(base, nullptr)) < 1e-5);
  }
}

TEST("values are measured without dropout and without changing gradients") {
  Base base;
  LearnUnits units = base.units(true, {{.trains_a = true, .trains_b = true, .dropout = 0.5f}});
  Base other;
  LearnUnits plain = other.units(true, {{.trains_a = true, .trains_b = true}});
  const std::vector<double> values = base.measure(units);
  CHECK(values == other.measure(plain));
  for (const double gradient : test::joined(test::gradients_of(base.device, units))) CHECK_EQ(gradient, 0.0);
  CHECK(base.measure(units, TokenObjective::entropy) != values);
}

TEST("tuning coefficients asks for no product of gradients and activations") {
  Base base;
  LearnUnits units = base.units(true, {{.rank = 3}, {.rank = 2}});
  const Calls calls = base.learn(units);
  CHECK(!calls.contains("weight_back"));
  CHECK(!calls.contains("dropout"));
  CHECK_EQ(calls.at("unit_back"), 2 * 7);
  CHECK_EQ(calls.at("token_loss"), 1);
}

TEST("the backward half ends at the deepest layer that has a gradient to give") {
  Base base;
  const auto calls_for = [&](const std::vector<Linear>& linears, std::int64_t first_layer) {
    LearnUnits units = base.units(true, {{.rank = 1, .linears = linears, .first_layer = first_layer}});
    return base.learn(units);
  };
  // Calls of every pass: the units' part of the forward half, the loss, the last norm's gradient, one d_c.
  const auto and_always = [](Calls calls) {
    calls.merge(Calls{{"scale_units", 1}, {"token_loss", 1}, {"unit_back", 1}, {"rms_norm_back", 1}});
    return calls;
  };
  // v of the one module; down and v; down, gate, up and v.
  CHECK(calls_for({Linear::down}, 1) == and_always({{"linear_back", 1}}));
  CHECK(calls_for({Linear::gate}, 1) == and_always({{"linear_back", 2}, {"swiglu_back", 1}}));
  CHECK(calls_for({Linear::o}, 1) == and_always({{"linear_back", 4}, {"rms_norm_back", 2}, {"swiglu_back", 1}}));
  const Calls whole_layer = calls_for({Linear::v}, 1);
  CHECK_EQ(whole_layer.at("linear_back"), 5);
  CHECK_EQ(whole_layer.at("attention_back"), 1);
  CHECK_EQ(whole_layer.at("rms_norm_back"), 2);
  // Both layers: seven of the upper one, whose own units give d_x too, and five.
  const Calls both = calls_for({Linear::v}, 0);
  CHECK_EQ(both.at("linear_back"), 9 + 5);
  CHECK_EQ(both.at("attention_back"), 2);
}

TEST("adapters at coefficient 0 cost nothing unless their gradient is wanted") {
  Base base;
  const auto zero = [](LearnUnits& units) {
    const double none = 0;
    for (std::size_t m = 0; m < units.adapters()[0].modules.size(); ++m) {
      units.set_coefficients(0, m, std::span(&none, 1));
    }
  };
  LearnUnits frozen = base.units(false, {{.rank = 3}});
  zero(frozen);
  const std::vector<double> values = base.measure(frozen);
  CHECK(base.learn(frozen) == (Calls{{"token_loss", 1}}));
  CHECK(frozen.groups(0, Linear::q)[0].is_idle);

  LearnUnits wanted = base.units(true, {{.rank = 3}});
  zero(wanted);
  CHECK(base.measure(wanted) == values);
  const Calls calls = base.learn(wanted);
  CHECK_EQ(calls.at("unit_back"), 2 * 7);
  CHECK(!calls.contains("scale_units"));
  CHECK(!wanted.groups(0, Linear::q)[0].is_idle);
  CHECK(wanted.groups(0, Linear::q)[0].is_zero);
}

TEST("memory is taken once, for the largest batch, and told before") {
  for (const Keep keep : {Keep::activations, Keep::layer_inputs}) {
    for (const std::string& family : test::learning_families) {
      Base base(family);
      LearnUnits units = base.units(true, {{.rank = 3}, {.trains_a = true, .trains_b = true, .dropout = 0.5f}});
      LearnPass pass(*base.model, units, keep);
      const std::size_t before = base.device.live_bytes();
      const std::vector<model::LearnSequence> batch = test::sequences_of(base.lessons);
      pass.learn(batch, TokenObjective::cross_entropy);
      const std::size_t taken = base.device.live_bytes() - before;
      const std::size_t planned =
          LearnPass::planned_bytes(base.device, base.config, units.adapters(), 9, keep);
      CHECK(planned >= taken);
      CHECK(static_cast<double>(planned) <= 1.3 * static_cast<double>(taken));
      const std::size_t allocations = base.device.allocations();
      pass.learn(batch, TokenObjective::entropy);
      pass.measure(batch, TokenObjective::entropy);
      pass.learn(std::span(batch).subspan(1), TokenObjective::cross_entropy);
      CHECK_EQ(base.device.allocations(), allocations);
    }
  }
}

TEST("recomputing takes less memory the more layers there are") {
  const model::Config config = model::parse_config(test::config_json("llama", {{"num_hidden_layers", 12}}));
  Learners learners;
  test::Random random(1);
  learners.add(random, config, {.rank = 4});
  const auto device = ops::open_device("cpu", 1, test::never_cancelled);
  const auto bytes = [&](Keep keep) {
    return static_cast<double>(LearnPass::planned_bytes(*device, config, learners.adapters, 1000, keep));
  };
  CHECK(bytes(Keep::layer_inputs) < 0.35 * bytes(Keep::activations));
}

TEST("sequences that do not fit are a bug of the caller") {
  Base base;
  LearnUnits units = base.units(true, {{.rank = 3}});
  LearnPass pass(*base.model, units, Keep::activations);
  CHECK(pass.learn({}, TokenObjective::cross_entropy).empty());
  const auto refuses = [&](const Lesson& lesson) {
    try {
      pass.learn(std::vector{lesson.sequence()}, TokenObjective::cross_entropy);
    } catch (const std::logic_error&) {
      return true;
    }
    return false;
  };
  CHECK(!refuses({{1, 2}, {2, 0}, {1, 0}, 0}));
  CHECK(refuses({{1, 2}, {2}, {1, 0}, 0}));
  CHECK(refuses({{1, 2}, {2, 0}, {1}, 0}));
  CHECK(refuses({{1, 23}, {2, 0}, {1, 0}, 0}));
  CHECK(refuses({{1, 2}, {23, 0}, {1, 0}, 0}));
  CHECK(refuses({{}, {}, {}, 0}));
}
