#include <algorithm>
#include <chrono>
#include <cmath>

#include "learn/coefficients.h"
#include "learn/learn.h"
#include "learn/objective.h"
#include "learn/plan.h"
#include "learn/sequences.h"
#include "learn/starting_factors.h"
#include "learn/write_factors.h"
#include "model/device_numbers.h"
#include "model/learn_groups.h"

namespace amalgam::learn {

namespace {

using core::Json;

void write_gradients(const GradientRequest& request, ops::Device& device, const model::LearnUnits& units) {
  std::vector<WrittenFactor> written;
  for (const model::TrainedFactor& factor : units.trained()) {
    written.push_back({factor.adapter, factor.module, factor.is_b, [&device, &factor] {
                         const std::vector<double> numbers = model::read_numbers(device, factor.gradient);
                         core::Matrix<float> gradient(factor.gradient.rows, factor.gradient.cols);
                         std::ranges::transform(numbers, gradient.data(),
                                                [](double number) { return static_cast<float>(number); });
                         return gradient;
                       }});
  }
  write_factors(request.out_file, request.pass.adapters, written);
}

}  // namespace

Json run_gradients(const Json& json, core::Progress& progress, const core::CancelToken& cancel) {
  const auto started = std::chrono::steady_clock::now();
  const GradientRequest request = read_gradient_request(json);
  const PassRequest& pass_request = request.pass;
  const model::CheckpointFacts facts = model::read_checkpoint(pass_request.model);
  const std::vector<JudgedSequence> examples =
      judged_sequences(request.examples, request.objective, facts.config, "examples");
  const std::vector<model::LearnAdapter> adapters = learn_adapters(pass_request.adapters);
  static_cast<void>(model::group_units(facts.config, adapters));  // refuses adapters of other base models
  const StartingFactors starting(pass_request.adapters, 0);
  const auto device = ops::open_device(pass_request.device, pass_request.threads, cancel);
  const std::int64_t longest = longest_of(examples);
  const std::int64_t most_tokens = most_pass_tokens(pass_request, longest);
  const Plan plan = make_plan(*device, facts, pass_request, Recompute::automatic, most_tokens, longest);
  progress.stage("planning", static_cast<std::int64_t>(plan.estimate.free), "bytes");
  progress.advance(static_cast<std::int64_t>(plan.estimate.total()));

  const auto source = [&](std::size_t adapter, std::size_t module) { return starting.at(adapter, module); };
  model::LearnUnits units(*device, facts.config, adapters, true, source, cancel);
  starting.check_unchanged();
  Coefficients coefficients(pass_request.adapters, facts.config, Granularity::module, request.activation);
  coefficients.set_raw(request.raw);
  coefficients.apply(units);
  model::Model model(*device, pass_request.model, progress, cancel);
  model::LearnPass pass(model, units, plan.keep);
  const Objective objective({.kind = request.objective});
  Passes passes(pass, objective.of_tokens(), most_tokens, pass_request.pass_examples);

  progress.stage("learning", 1, "passes");
  units.zero_gradients();
  const SequenceList sequences = all_of(examples);
  const std::vector<std::uint64_t> keys(sequences.size(), 0);
  const double loss = objective.loss(sequences, passes.learn(sequences, objective.weights(sequences, {}), keys));
  progress.advance(1);
  if (!std::isfinite(loss)) {
    throw core::Error("loss-not-finite", "The loss on the examples is not finite.")
        .with_hint("The base model, an adapter or a coefficient makes numbers that are too large.");
  }
  if (const std::string module = coefficients.first_not_finite(units); !module.empty()) {
    throw core::Error("not-finite", "A gradient in " + module + " is not finite.").at_tensor(module);
  }
  if (!request.out_file.empty()) write_gradients(request, *device, units);
  const std::vector<double> gradients = coefficients.gradients(units);
  return Json::object(
      {{"loss", loss},
       {"tokens", passes.tokens()},
       {"seconds", std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count()},
       {"gradients", coefficients.shown(std::span<const double>(gradients))}});
}

}  // namespace amalgam::learn
