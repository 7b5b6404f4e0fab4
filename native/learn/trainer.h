// The loop of learning: steps, validations, checkpoints, and the choice of a step.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/cancel.h"
#include "core/journal.h"
#include "core/progress.h"
#include "learn/checkpoint.h"
#include "learn/coefficients.h"
#include "learn/factor_optimiser.h"
#include "learn/objective.h"
#include "learn/order.h"
#include "learn/request.h"
#include "learn/sequences.h"
#include "model/learn_units.h"
#include "ops/memory_meter.h"

namespace amalgam::learn {

/// What learning changes, at one step.
struct LearnedNumbers {
  std::vector<float> raw;                    ///< of the coefficients
  std::vector<core::Matrix<float>> factors;  ///< in the order of LearnUnits::trained()
};

/// How learning ended.
struct Outcome {
  std::string stopped;              ///< "done", "asked", "diverged" or "not-finite"
  std::string where;                ///< what was not finite, or empty
  std::optional<double> end_value;  ///< the loss that ended a diverged job
  std::int64_t chosen_step = 0;
  double chosen_loss = 0;
  LearnedNumbers chosen;
  LearnState last;
};

class Trainer {
 public:
  /// What it works with; all of it must outlive the trainer.
  struct Tools {
    const LearnRequest& request;
    const std::vector<JudgedSequence>& train;
    const std::vector<JudgedSequence>& validation;
    std::int64_t vocabulary;
    ops::Device& device;
    model::LearnUnits& units;
    Coefficients& coefficients;
    Passes& passes;
    const CheckpointFolder& checkpoints;
    core::Journal& journal;
    ops::MemoryMeter& memory;
    core::Progress& progress;
    const core::CancelToken& cancel;
  };
  explicit Trainer(const Tools& tools);

  /// Goes on from a checkpoint; the factors that are trained already have its numbers.
  void restore(const SavedCheckpoint& saved);
  /// Throws Error "loss-not-finite" when the first validation is not finite; "cancelled" after writing a checkpoint.
  Outcome run();

  std::int64_t parameters() const;

 private:
  /// Why the steps end, if they do.
  struct End {
    std::string stopped;
    std::string where;
    std::optional<double> value;
  };
  End loop();
  std::optional<End> step();
  void update(double rate_factor, const std::vector<double>& raw_gradients, const std::vector<double>& squared_norms);
  std::optional<End> refusal_of(double loss);
  std::string not_finite_module(const std::vector<double>& squared_norms) const;
  void begin_groups();
  void validate();
  void save();
  std::vector<CheckpointTensor> checkpoint_tensors();
  LearnedNumbers numbers() const;
  bool is_validation_due() const;
  double seconds() const;
  double l1() const;

  Tools tools_;
  Objective objective_;
  Order order_;
  FactorOptimiser factors_;
  std::vector<float> raw_m_;
  std::vector<float> raw_v_;
  LearnState state_;
  LearnedNumbers chosen_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  double seconds_before_ = 0;        ///< of earlier processes
  std::int64_t tokens_before_ = 0;
  std::int64_t saved_step_ = -1;     ///< of the checkpoint on the disk
  std::int64_t saved_validated_ = -1;
  bool is_updating_ = false;         ///< numbers are between two steps
};

}  // namespace amalgam::learn
