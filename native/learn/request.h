// The requests of the jobs that learn, as plain values (learn.h describes the JSON).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/json.h"
#include "model/learn_units.h"
#include "model/request_parts.h"

namespace amalgam::learn {

using model::Tokens;

/// How the A of an adapter without a file begins; its B begins at 0.
struct Fresh {
  bool is_normal = false;  ///< else uniform within 1 / sqrt(in) of 0
  double deviation = 0;    ///< of normal
};

struct AdapterRequest {
  std::string name;
  std::string key;           ///< what its random numbers hang on
  std::string weights_file;  ///< empty for a fresh one
  std::string mask_file;     ///< empty where every entry of B is trained
  std::vector<model::ModuleRequest> modules;
  bool trains_a = false;
  bool trains_b = false;
  Fresh fresh;
  float dropout = 0;

  bool is_trained() const { return trains_a || trains_b; }
};

enum class Granularity { adapter, layer, sublayer, module, unit };
enum class Activation { identity, square, softmax, sigmoid, leaky_relu };
enum class StartKind { constant, first, equal, uniform, normal };

/// Every coefficient 1, unless a request says otherwise.
struct CoefficientRequest {
  bool is_trained = false;
  Granularity granularity = Granularity::module;
  Activation activation = Activation::identity;
  StartKind start = StartKind::constant;
  double value = 1;  ///< of constant and first
};

enum class ObjectiveKind { cross_entropy, entropy, tchebycheff };

struct ObjectiveRequest {
  ObjectiveKind kind = ObjectiveKind::cross_entropy;
  double temperature = 1;
  double l1 = 0;
};

struct Example {
  Tokens prompt;
  Tokens answer;
  std::int64_t group = 0;
};

enum class Schedule { constant, cosine, linear };

struct OptimiserRequest {
  double rate = 0;
  double coefficient_rate = 0;
  double b_ratio = 1;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  double clip_norm = 0;
  bool clips_each = false;
  Schedule schedule = Schedule::constant;
  std::int64_t warmup_steps = 0;
};

enum class Recompute { automatic, always, never };

/// What run_learn and run_gradients have in common.
struct PassRequest {
  std::string model;
  std::string device;
  int threads = 1;
  std::uint64_t memory_bytes = 0;  ///< 0 for what is free
  std::int64_t pass_tokens = 0;
  std::int64_t pass_examples = 0;
  std::vector<AdapterRequest> adapters;
};

struct LearnRequest {
  PassRequest pass;
  Recompute recompute = Recompute::automatic;
  CoefficientRequest coefficients;
  ObjectiveRequest objective;
  std::vector<Example> train;
  std::vector<Example> validation;
  bool is_shuffled = false;
  std::int64_t steps = 0;
  std::int64_t batch = 0;
  OptimiserRequest optimiser;
  std::int64_t validate_every = 0;
  bool chooses_last = false;
  std::uint64_t seed = 0;
  std::string checkpoint_folder;
  std::int64_t checkpoint_every = 0;
  std::string stop_file;
  std::string journal_file;
  std::string out_file;
};

/// Throws Error "request-invalid" naming the field, "prompt-empty" and "answer-empty" naming the example.
LearnRequest read_learn_request(const core::Json& request);

struct GradientRequest {
  PassRequest pass;
  std::vector<std::vector<double>> raw;  ///< of every adapter, one for each of its modules
  Activation activation = Activation::identity;
  ObjectiveKind objective = ObjectiveKind::cross_entropy;  ///< or entropy
  std::vector<Example> examples;
  std::string out_file;  ///< empty for none
};
GradientRequest read_gradient_request(const core::Json& request);

/// The adapters as the passes know them.
std::vector<model::LearnAdapter> learn_adapters(const std::vector<AdapterRequest>& adapters);

}  // namespace amalgam::learn
