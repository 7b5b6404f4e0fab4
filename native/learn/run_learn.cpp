#include <algorithm>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "core/journal.h"
#include "learn/checkpoint.h"
#include "learn/learn.h"
#include "learn/plan.h"
#include "learn/starting_factors.h"
#include "learn/trainer.h"
#include "learn/write_factors.h"
#include "model/learn_groups.h"
#include "ops/memory_meter.h"

namespace amalgam::learn {

namespace {

using core::Json;
using core::Matrix;
using Time = std::chrono::steady_clock::time_point;

double seconds_since(Time start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Where the factors that are trained begin: at a checkpoint, or where the job does.
model::FactorSource factor_source(const StartingFactors& starting, const LearnRequest& request,
                                  const SavedCheckpoint* saved) {
  return [&starting, &request, saved](std::size_t adapter, std::size_t module) {
    model::FactorValues values = starting.at(adapter, module);
    if (saved == nullptr) return values;
    const auto read = [&](bool is_b, Matrix<float>& factor) {
      factor = saved->tensor(factor_in_checkpoint(adapter, module, is_b), factor.rows(), factor.cols());
    };
    if (request.pass.adapters[adapter].trains_a) read(false, values.a);
    if (request.pass.adapters[adapter].trains_b) read(true, values.b);
    return values;
  };
}

/// B with every unit's coefficient multiplied into its column.
Matrix<float> scaled_columns(Matrix<float> b, std::span<const double> coefficients) {
  for (std::int64_t i = 0; i < b.rows(); ++i) {
    for (std::int64_t u = 0; u < b.cols(); ++u) {
      b(i, u) = static_cast<float>(b(i, u) * coefficients[static_cast<std::size_t>(u)]);
    }
  }
  return b;
}

/// The adapters that learning changed, at the chosen step.
void write_result(const LearnRequest& request, const StartingFactors& starting, const model::LearnUnits& units,
                  const Coefficients& coefficients, const LearnedNumbers& chosen) {
  const bool is_by_unit = coefficients.is_by_unit();
  const std::vector<double> active = coefficients.active(chosen.raw);
  const auto present = [&](std::size_t adapter, std::size_t module, bool is_b) {
    const auto trained = units.trained();
    for (std::size_t i = 0; i < trained.size(); ++i) {
      const model::TrainedFactor& factor = trained[i];
      if (factor.adapter == adapter && factor.module == module && factor.is_b == is_b) return chosen.factors[i].copy();
    }
    model::FactorValues values = starting.at(adapter, module);
    return std::move(is_b ? values.b : values.a);
  };
  std::vector<WrittenFactor> written;
  for (std::size_t a = 0; a < request.pass.adapters.size(); ++a) {
    const AdapterRequest& adapter = request.pass.adapters[a];
    if (!adapter.is_trained() && !is_by_unit) continue;
    for (std::size_t m = 0; m < adapter.modules.size(); ++m) {
      written.push_back({a, m, false, [&present, a, m] { return present(a, m, false); }});
      written.push_back({a, m, true, [&, a, m] {
                           if (!is_by_unit) return present(a, m, true);
                           return scaled_columns(present(a, m, true),
                                                 std::span(active).subspan(coefficients.number_of(a, m, 0)));
                         }});
    }
  }
  if (!written.empty()) write_factors(request.out_file, request.pass.adapters, written);
}

}  // namespace

Json run_learn(const Json& json, core::Progress& progress, const core::CancelToken& cancel) {
  const LearnRequest request = read_learn_request(json);
  const PassRequest& pass_request = request.pass;
  const model::CheckpointFacts facts = model::read_checkpoint(pass_request.model);
  const ObjectiveKind kind = request.objective.kind;
  const std::vector<JudgedSequence> train = judged_sequences(request.train, kind, facts.config, "train");
  const std::vector<JudgedSequence> validation = judged_sequences(request.validation, kind, facts.config, "validation");
  const std::vector<model::LearnAdapter> adapters = learn_adapters(pass_request.adapters);
  static_cast<void>(model::group_units(facts.config, adapters));  // refuses adapters of other base models
  const StartingFactors starting(pass_request.adapters, request.seed);

  const auto device = ops::open_device(pass_request.device, pass_request.threads, cancel);
  ops::MemoryMeter memory(*device);
  const std::int64_t longest = std::max(longest_of(train), longest_of(validation));
  const std::int64_t most_tokens = most_pass_tokens(pass_request, longest);
  const Plan plan = make_plan(*device, facts, pass_request, request.recompute, most_tokens, longest);
  progress.stage("planning", static_cast<std::int64_t>(plan.estimate.free), "bytes");
  progress.advance(static_cast<std::int64_t>(plan.estimate.total()));

  const CheckpointFolder checkpoints(request.checkpoint_folder, json);
  const std::unique_ptr<SavedCheckpoint> saved = checkpoints.load();
  core::Journal journal(request.journal_file);
  journal.cut_to(saved ? saved->state().journal_bytes : 0);

  const Time loading = std::chrono::steady_clock::now();
  model::LearnUnits units(*device, facts.config, adapters, request.coefficients.is_trained,
                          factor_source(starting, request, saved.get()), cancel);
  starting.check_unchanged();
  Coefficients coefficients(pass_request.adapters, facts.config, request.coefficients.granularity,
                            request.coefficients.activation);
  coefficients.start(request.coefficients, pass_request.adapters, request.seed);
  model::Model model(*device, pass_request.model, progress, cancel);
  device->wait();
  const double load_seconds = seconds_since(loading);
  memory.sample();

  model::LearnPass pass(model, units, plan.keep);
  Passes passes(pass, Objective(request.objective).of_tokens(), most_tokens, pass_request.pass_examples);
  Trainer trainer({request, train, validation, facts.config.vocabulary, *device, units, coefficients, passes,
                   checkpoints, journal, memory, progress, cancel});
  if (saved) trainer.restore(*saved);
  const Outcome outcome = trainer.run();

  progress.stage("finalising", 1, "files");
  write_result(request, starting, units, coefficients, outcome.chosen);
  progress.advance(1);
  memory.sample();
  Json result = Json::object({{"chosenStep", outcome.chosen_step},
                              {"lastStep", outcome.last.step},
                              {"stopped", outcome.stopped},
                              {"where", outcome.where.empty() ? Json() : Json(outcome.where)},
                              {"value", outcome.end_value ? Json(*outcome.end_value) : Json()},
                              {"startLoss", outcome.last.start_loss},
                              {"chosenLoss", outcome.chosen_loss},
                              {"lastLoss", finite_or_null(outcome.last.last_loss)}});
  const std::vector<double> active = coefficients.active(outcome.chosen.raw);
  result.set("coefficients", coefficients.shown(std::span<const double>(active)));
  result.set("raw", coefficients.shown(std::span<const float>(outcome.chosen.raw)));
  result.set("parameters", trainer.parameters());
  result.set("tokens", outcome.last.tokens);
  result.set("seconds", outcome.last.seconds);
  result.set("loadSeconds", load_seconds);
  result.set("weightBytes", facts.weight_bytes);
  result.set("peakBytes", memory.peak_bytes());
  result.set("estimate", plan.estimate.to_json());
  result.set("recompute", plan.keep == model::Keep::layer_inputs);
  return result;
}

}  // namespace amalgam::learn
