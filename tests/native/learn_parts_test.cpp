// The pieces of learning that need no model: schedules, AdamW, clipping, the order of examples, objectives.
#include <algorithm>
#include <cmath>
#include <vector>

#include "learn/adamw.h"
#include "learn/factor_optimiser.h"
#include "learn/objective.h"
#include "learn/order.h"
#include "learn/schedule.h"
#include "runner.h"

using namespace amalgam;
using learn::JudgedSequence;
using learn::ObjectiveKind;
using learn::Schedule;

TEST("rates warm up, stay, or fall to nothing") {
  CHECK_NEAR(learn::rate_factor(Schedule::cosine, 0, 20, 2), 0.5, 0);
  CHECK_NEAR(learn::rate_factor(Schedule::cosine, 1, 20, 2), 1.0, 0);
  CHECK_NEAR(learn::rate_factor(Schedule::cosine, 2, 20, 2), 1.0, 0);
  CHECK_NEAR(learn::rate_factor(Schedule::cosine, 11, 20, 2), 0.5, 1e-15);
  CHECK_NEAR(learn::rate_factor(Schedule::cosine, 5, 20, 2), 0.5 * (1 + std::cos(M_PI / 6)), 1e-15);
  CHECK_NEAR(learn::rate_factor(Schedule::linear, 4, 8, 0), 0.5, 0);
  CHECK_NEAR(learn::rate_factor(Schedule::linear, 7, 8, 4), 0.25, 0);
  CHECK_NEAR(learn::rate_factor(Schedule::constant, 7, 8, 0), 1.0, 0);
  CHECK_NEAR(learn::rate_factor(Schedule::linear, 3, 4, 9), 4.0 / 9, 1e-15);
}

TEST("AdamW's first steps are those that its formulas give by hand") {
  std::vector<float> p{1.0f, -2.0f};
  std::vector<float> m(2);
  std::vector<float> v(2);
  const auto step = [&](std::int64_t t, std::vector<double> gradient, double decay) {
    learn::adamw(p, gradient, m, v, {.t = t, .rate = 0.1, .weight_decay = decay});
  };
  step(1, {0.5, -4.0}, 0);  // the first step has the length of the rate, whatever the gradient
  CHECK_NEAR(p[0], 0.9, 1e-7);
  CHECK_NEAR(p[1], -1.9, 1e-7);
  CHECK_NEAR(m[0], 0.05, 1e-8);
  CHECK_NEAR(v[1], 0.016, 1e-9);
  step(2, {0.0, 0.0}, 0.5);  // m = 0.045, v = 0.00024975
  const double first = 0.045 / (1 - 0.81);
  const double second = std::sqrt(0.00024975 / (1 - 0.999 * 0.999));
  CHECK_NEAR(p[0], 0.9 * (1 - 0.1 * 0.5) - 0.1 * first / second, 1e-6);
}

TEST("clipping is by the norm of all or of each") {
  const std::vector<double> squared{9.0, 16.0, 0.0};
  CHECK(learn::clip_scales(squared, 0, false) == (std::vector<double>{1, 1, 1}));
  for (const double scale : learn::clip_scales(squared, 1, false)) CHECK_NEAR(scale, 1 / (5 + 1e-6), 1e-15);
  CHECK(learn::clip_scales(squared, 6, false) == (std::vector<double>{1, 1, 1}));
  const std::vector<double> each = learn::clip_scales(squared, 3.5, true);
  CHECK_EQ(each[0], 1.0);
  CHECK_NEAR(each[1], 3.5 / (4 + 1e-6), 1e-15);
  CHECK_EQ(each[2], 1.0);
}

TEST("every example comes once each time through, steps go on across the end, and the seed decides") {
  const learn::Order given(5, 3, false, 1);
  CHECK(given.batch(0) == (std::vector<std::size_t>{0, 1, 2}));
  CHECK(given.batch(1) == (std::vector<std::size_t>{3, 4, 0}));
  CHECK(given.batch(4) == (std::vector<std::size_t>{2, 3, 4}));
  CHECK(learn::Order(2, 5, false, 1).batch(0) == (std::vector<std::size_t>{0, 1, 0, 1, 0}));

  const learn::Order shuffled(7, 7, true, 1);
  std::vector<std::size_t> first = shuffled.batch(0);
  CHECK(first == learn::Order(7, 7, true, 1).batch(0));
  CHECK(first != shuffled.batch(1));
  CHECK(first != learn::Order(7, 7, true, 2).batch(0));
  const std::vector<std::size_t> early = learn::Order(7, 3, true, 1).batch(0);
  CHECK(std::equal(early.begin(), early.end(), first.begin()));
  std::ranges::sort(first);
  CHECK(first == (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6}));
}

TEST("objectives weigh tokens, examples and groups, and their weights are their derivatives") {
  const std::vector<JudgedSequence> examples{{{1}, {1}, 3, 0}, {{1}, {1}, 1, 0}, {{1}, {1}, 1, 7}};
  const learn::SequenceList list = learn::all_of(examples);
  const std::vector<double> sums{6.0, 1.0, 2.0};
  const learn::Objective tokens({.kind = ObjectiveKind::cross_entropy});
  CHECK_NEAR(tokens.loss(list, sums), 9.0 / 5, 1e-15);
  CHECK_NEAR(tokens.weights(list, {})[0], 0.2, 1e-15);

  learn::Objective groups({.kind = ObjectiveKind::tchebycheff, .temperature = 0.5});
  groups.begin(list, std::vector<double>{2.0, 4.0, 1.5});
  CHECK_NEAR(groups.group_starts().at(0), 3.0, 1e-15);
  CHECK_NEAR(groups.group_starts().at(7), 1.5, 1e-15);
  CHECK_NEAR(groups.loss(list, sums), 0.5 * std::log(std::exp(0.5 / 0.5) + std::exp(0.5 / 0.5)), 1e-12);
  CHECK_NEAR(groups.validation_loss(list, sums), 9.0 / 5, 1e-15);
  const std::vector<double> uneven{6.5, 1.0, 1.0};
  const std::vector<double> weights = groups.weights(list, uneven);
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<double> more = uneven;
    std::vector<double> less = uneven;
    more[i] += 1e-5;
    less[i] -= 1e-5;
    CHECK_NEAR(weights[i], (groups.loss(list, more) - groups.loss(list, less)) / 2e-5, 1e-9);
  }
}
