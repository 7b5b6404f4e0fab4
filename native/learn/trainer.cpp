#include "learn/trainer.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <span>
#include <utility>

#include "core/random.h"
#include "learn/adamw.h"
#include "learn/schedule.h"

namespace amalgam::learn {

namespace {

using core::Json;
using core::Matrix;

double sum_of_squares(const std::vector<double>& numbers) {
  return std::inner_product(numbers.begin(), numbers.end(), numbers.begin(), 0.0);
}

Matrix<float> row_of(std::span<const float> numbers) {
  Matrix<float> row(1, static_cast<std::int64_t>(numbers.size()));
  std::ranges::copy(numbers, row.data());
  return row;
}

std::string name_of(const model::TrainedFactor& factor) {
  return factor_in_checkpoint(factor.adapter, factor.module, factor.is_b);
}

}  // namespace

Trainer::Trainer(const Tools& tools)
    : tools_(tools),
      objective_(tools.request.objective),
      order_(tools.train.size(), tools.request.batch, tools.request.is_shuffled, tools.request.seed),
      factors_(tools.device, tools.units) {
  raw_m_.resize(tools_.coefficients.raw().size());
  raw_v_.resize(raw_m_.size());
}

std::int64_t Trainer::parameters() const {
  std::int64_t count = tools_.request.coefficients.is_trained ? static_cast<std::int64_t>(raw_m_.size()) : 0;
  for (const model::TrainedFactor& factor : tools_.units.trained()) {
    if (factor.mask.data == nullptr) {
      count += factor.values.rows * factor.values.cols;
      continue;
    }
    std::vector<std::uint8_t> mask(static_cast<std::size_t>(factor.mask.rows * factor.mask.cols));
    tools_.device.download(mask.data(), factor.mask.data, mask.size());
    count += std::ranges::count(mask, 1);
  }
  return count;
}

LearnedNumbers Trainer::numbers() const {
  LearnedNumbers numbers;
  numbers.raw.assign(tools_.coefficients.raw().begin(), tools_.coefficients.raw().end());
  for (const model::TrainedFactor& factor : tools_.units.trained()) {
    numbers.factors.push_back(tools_.units.factor(factor.adapter, factor.module, factor.is_b));
  }
  return numbers;
}

double Trainer::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
}

// Checkpoints.

std::vector<CheckpointTensor> Trainer::checkpoint_tensors() {
  std::vector<CheckpointTensor> tensors;
  const auto add_row = [&](const std::string& name, std::span<const float> numbers) {
    tensors.push_back({name, 1, static_cast<std::int64_t>(numbers.size()), [numbers] { return row_of(numbers); }});
  };
  add_row("raw", tools_.coefficients.raw());
  add_row("raw.m", raw_m_);
  add_row("raw.v", raw_v_);
  add_row("chosen.raw", chosen_.raw);
  const auto trained = tools_.units.trained();
  for (std::size_t i = 0; i < trained.size(); ++i) {
    const auto add = [&](const std::string& name, std::function<Matrix<float>()> read) {
      tensors.push_back({name, trained[i].values.rows, trained[i].values.cols, std::move(read)});
    };
    add(name_of(trained[i]), [this, &factor = trained[i]] {
      return tools_.units.factor(factor.adapter, factor.module, factor.is_b);
    });
    add(name_of(trained[i]) + ".m", [this, i] { return factors_.moments(i).m; });
    add(name_of(trained[i]) + ".v", [this, i] { return factors_.moments(i).v; });
    add("chosen." + name_of(trained[i]), [this, i] { return chosen_.factors[i].copy(); });
  }
  return tensors;
}

void Trainer::save() {
  // Before the first validation there is nothing to keep.
  if (state_.validated < 0) return;
  if (state_.step == saved_step_ && state_.validated == saved_validated_) return;
  state_.tokens = tokens_before_ + tools_.passes.tokens();
  state_.seconds = seconds();
  state_.journal_bytes = tools_.journal.bytes();
  state_.group_starts = objective_.group_starts();
  tools_.checkpoints.save(state_, checkpoint_tensors());
  saved_step_ = state_.step;
  saved_validated_ = state_.validated;
}

void Trainer::restore(const SavedCheckpoint& saved) {
  state_ = saved.state();
  saved_step_ = state_.step;
  saved_validated_ = state_.validated;
  seconds_before_ = state_.seconds;
  tokens_before_ = state_.tokens;
  objective_.begin(state_.group_starts);
  const auto row = [&](const std::string& name, std::span<float> to) {
    const Matrix<float> numbers = saved.tensor(name, 1, static_cast<std::int64_t>(to.size()));
    std::copy_n(numbers.data(), numbers.size(), to.begin());
  };
  row("raw", tools_.coefficients.raw());
  row("raw.m", raw_m_);
  row("raw.v", raw_v_);
  chosen_.raw.resize(raw_m_.size());
  row("chosen.raw", chosen_.raw);
  const auto trained = tools_.units.trained();
  for (std::size_t i = 0; i < trained.size(); ++i) {
    const auto read = [&](const std::string& name) {
      return saved.tensor(name, trained[i].values.rows, trained[i].values.cols);
    };
    factors_.restore(i, {read(name_of(trained[i]) + ".m"), read(name_of(trained[i]) + ".v")});
    chosen_.factors.push_back(read("chosen." + name_of(trained[i])));
  }
}

// Validation.

bool Trainer::is_validation_due() const {
  return state_.step % tools_.request.validate_every == 0 || state_.step == tools_.request.steps;
}

void Trainer::validate() {
  tools_.coefficients.apply(tools_.units);
  const SequenceList sequences = all_of(tools_.validation);
  const std::vector<double> sums = tools_.passes.measure(sequences);
  const double loss = objective_.validation_loss(sequences, sums);
  tools_.memory.sample();
  if (state_.step == 0) {
    if (!std::isfinite(loss)) {
      throw core::Error("loss-not-finite", "The loss on the validation examples is not finite before the first step.")
          .with_hint("The base model or an adapter makes numbers that are too large.");
    }
    state_.start_loss = loss;
  }
  tools_.journal.append({Json::object({{"step", state_.step},
                                       {"validationLoss", finite_or_null(loss)},
                                       {"seconds", seconds()},
                                       {"tokens", tokens_before_ + tools_.passes.tokens()}})});
  state_.last_loss = loss;
  state_.validated = state_.step;
  if (state_.step == 0 || loss < state_.chosen_loss) {
    state_.chosen_loss = loss;
    state_.chosen_step = state_.step;
    chosen_ = numbers();
  }
}

// Steps.

double Trainer::l1() const {
  if (!tools_.request.coefficients.is_trained || tools_.request.objective.l1 == 0) return 0;
  double sum = 0;
  for (const float number : tools_.coefficients.raw()) sum += std::abs(static_cast<double>(number));
  return tools_.request.objective.l1 * sum / static_cast<double>(raw_m_.size());
}

std::optional<Trainer::End> Trainer::refusal_of(double loss) {
  if (!std::isfinite(loss)) return End{"not-finite", "loss", std::nullopt};
  if (!state_.first_train_loss) state_.first_train_loss = loss;
  // What a model that knows nothing would lose, over what it lost at first.
  const double most = *state_.first_train_loss + std::log(static_cast<double>(tools_.vocabulary));
  if (loss > most) return End{"diverged", "", loss};
  return std::nullopt;
}

std::string Trainer::not_finite_module(const std::vector<double>& squared_norms) const {
  for (std::size_t i = 0; i < squared_norms.size(); ++i) {
    if (std::isfinite(squared_norms[i])) continue;
    const model::TrainedFactor& factor = tools_.units.trained()[i];
    return tools_.units.adapters()[factor.adapter].modules[factor.module].name;
  }
  return tools_.request.coefficients.is_trained ? tools_.coefficients.first_not_finite(tools_.units) : "";
}

void Trainer::begin_groups() {
  if (!objective_.needs_sums_first() || !objective_.group_starts().empty()) return;
  tools_.coefficients.apply(tools_.units);
  const SequenceList sequences = all_of(tools_.train);
  objective_.begin(sequences, tools_.passes.measure(sequences));
}

void Trainer::update(double rate_factor, const std::vector<double>& raw_gradients,
                     const std::vector<double>& squared_norms) {
  const OptimiserRequest& request = tools_.request.optimiser;
  const std::int64_t t = state_.step + 1;
  is_updating_ = true;
  factors_.step(t, rate_factor, request, squared_norms);
  if (tools_.request.coefficients.is_trained) {
    adamw(tools_.coefficients.raw(), raw_gradients, raw_m_, raw_v_,
          {.t = t,
           .rate = request.coefficient_rate * rate_factor,
           .beta1 = request.beta1,
           .beta2 = request.beta2,
           .epsilon = request.epsilon,
           .weight_decay = request.weight_decay});
  }
  state_.step = t;
  is_updating_ = false;
}

std::optional<Trainer::End> Trainer::step() {
  const LearnRequest& request = tools_.request;
  const double factor =
      rate_factor(request.optimiser.schedule, state_.step, request.steps, request.optimiser.warmup_steps);
  SequenceList batch;
  std::vector<std::uint64_t> keys;
  const core::RandomStream dropout(request.seed, "dropout");
  for (const std::size_t example : order_.batch(state_.step)) {
    batch.push_back(&tools_.train[example]);
    keys.push_back(dropout.at(static_cast<std::uint64_t>(state_.step * request.batch) + keys.size()));
  }
  tools_.coefficients.apply(tools_.units);
  tools_.units.zero_gradients();
  std::vector<double> first_sums;
  if (objective_.needs_sums_first()) first_sums = tools_.passes.measure(batch);
  const std::vector<double> sums = tools_.passes.learn(batch, objective_.weights(batch, first_sums), keys);
  const double loss = objective_.loss(batch, objective_.needs_sums_first() ? first_sums : sums) + l1();
  tools_.memory.sample();
  if (std::optional<End> end = refusal_of(loss)) return end;

  std::vector<double> raw_gradients;
  if (request.coefficients.is_trained) {
    raw_gradients = tools_.coefficients.gradients(tools_.units);
    const double strength = request.objective.l1 / static_cast<double>(raw_gradients.size());
    for (std::size_t i = 0; i < raw_gradients.size(); ++i) {
      const float raw = tools_.coefficients.raw()[i];
      raw_gradients[i] += strength * static_cast<double>((raw > 0) - (raw < 0));
    }
  }
  const std::vector<double> squared_norms = factors_.squared_norms();
  const double all = std::accumulate(squared_norms.begin(), squared_norms.end(), 0.0) + sum_of_squares(raw_gradients);
  if (!std::isfinite(all)) return End{"not-finite", not_finite_module(squared_norms), std::nullopt};
  update(factor, raw_gradients, squared_norms);
  const bool has_factors = !tools_.units.trained().empty();
  const double rate = has_factors ? request.optimiser.rate : request.optimiser.coefficient_rate;
  tools_.journal.append({Json::object({{"step", state_.step},
                                       {"trainLoss", loss},
                                       {"rate", factor * rate},
                                       {"gradientNorm", std::sqrt(all)},
                                       {"seconds", seconds()},
                                       {"tokens", tokens_before_ + tools_.passes.tokens()}})});
  tools_.progress.advance(1);
  return std::nullopt;
}

Trainer::End Trainer::loop() {
  const LearnRequest& request = tools_.request;
  begin_groups();
  for (;;) {
    if (is_validation_due() && state_.validated < state_.step) validate();
    if (request.checkpoint_every > 0 && state_.step > 0 && state_.step % request.checkpoint_every == 0) save();
    if (state_.step == request.steps) return {"done", "", std::nullopt};
    if (state_.step > 0 && std::filesystem::exists(request.stop_file)) return {"asked", "", std::nullopt};
    tools_.cancel.check();
    if (std::optional<End> end = step()) return *end;
  }
}

Outcome Trainer::run() {
  tools_.progress.stage("learning", tools_.request.steps, "steps");
  tools_.progress.advance(state_.step);
  try {
    const End end = loop();
    // Saved before a validation that is only there because of the end: a job that goes on after all has none there.
    save();
    if (state_.validated < state_.step) validate();
    state_.tokens = tokens_before_ + tools_.passes.tokens();
    state_.seconds = seconds();
    Outcome outcome{end.stopped, end.where, end.value, state_.chosen_step, state_.chosen_loss, {}, state_};
    const bool takes_last = tools_.request.chooses_last && (end.stopped == "done" || end.stopped == "asked") &&
                            std::isfinite(state_.last_loss);
    if (takes_last) {
      outcome.chosen_step = state_.step;
      outcome.chosen_loss = state_.last_loss;
    }
    outcome.chosen = takes_last ? numbers() : std::move(chosen_);
    return outcome;
  } catch (const core::Error& error) {
    if (error.code == "cancelled" && !is_updating_) save();
    throw;
  }
}

}  // namespace amalgam::learn
