#include "learn/request.h"

#include <limits>
#include <string_view>
#include <tuple>
#include <utility>

namespace amalgam::learn {

namespace {

using lora::Field;

constexpr std::int64_t most_steps = 1 << 24;
constexpr std::int64_t most_examples = 1 << 20;
constexpr std::int64_t largest_seed = std::int64_t{1} << 53;

/// A word of requests, and what it stands for.
template <typename T>
struct Word {
  std::string_view name;
  T value;
};

template <typename T, std::size_t n>
T read_word(const Field& field, const Word<T> (&words)[n]) {
  const std::string& text = field.text();
  std::string names;
  for (const auto& [name, value] : words) {
    if (name == text) return value;
    names += (names.empty() ? "\"" : ", \"") + std::string(name) + "\"";
  }
  throw field.refuse("must be one of " + names + ", not \"" + text + "\"");
}

constexpr Word<Granularity> granularities[] = {{"adapter", Granularity::adapter}, {"layer", Granularity::layer},
    {"sublayer", Granularity::sublayer}, {"module", Granularity::module}, {"unit", Granularity::unit}};
constexpr Word<Activation> activations[] = {{"identity", Activation::identity}, {"square", Activation::square},
    {"softmax", Activation::softmax}, {"sigmoid", Activation::sigmoid}, {"leaky_relu", Activation::leaky_relu}};
constexpr Word<StartKind> starts[] = {{"constant", StartKind::constant}, {"first", StartKind::first},
    {"equal", StartKind::equal}, {"uniform", StartKind::uniform}, {"normal", StartKind::normal}};
constexpr Word<ObjectiveKind> objectives[] = {{"cross_entropy", ObjectiveKind::cross_entropy},
    {"entropy", ObjectiveKind::entropy}, {"tchebycheff", ObjectiveKind::tchebycheff}};
constexpr Word<Schedule> schedules[] = {{"constant", Schedule::constant}, {"cosine", Schedule::cosine},
    {"linear", Schedule::linear}};
constexpr Word<Recompute> recomputes[] = {{"auto", Recompute::automatic}, {"always", Recompute::always},
    {"never", Recompute::never}};
constexpr Word<bool> orders[] = {{"shuffled", true}, {"given", false}};
constexpr Word<bool> choices[] = {{"last", true}, {"validation", false}};
constexpr Word<bool> fresh_kinds[] = {{"normal", true}, {"uniform", false}};
/// Whether A and B are trained.
constexpr Word<std::pair<bool, bool>> trainings[] = {{"none", {false, false}}, {"b", {false, true}},
    {"both", {true, true}}};

/// A number of [low, high).
double read_within(const Field& field, double low, double high) {
  const double number = field.number();
  if (number >= low && number < high) return number;
  throw field.refuse("must be at least " + core::Json(low).dump() + " and less than " + core::Json(high).dump());
}

double read_positive(const Field& field) {
  const double number = field.number();
  if (number > 0) return number;
  throw field.refuse("must be greater than 0");
}

double read_not_negative(const Field& field) { return read_within(field, 0, std::numeric_limits<double>::max()); }

bool read_bool(const Field& field) { return field.value().as_bool(field.name()); }

std::string text_or_empty(const Field& field) { return field.value().is_null() ? "" : field.text(); }

AdapterRequest read_adapter(const Field& field) {
  AdapterRequest adapter;
  adapter.name = field.at("name").text();
  adapter.key = field.at("key").text();
  adapter.weights_file = text_or_empty(field.at("weightsFile"));
  adapter.mask_file = text_or_empty(field.at("maskFile"));
  adapter.modules = model::read_modules(field.at("modules"));
  std::tie(adapter.trains_a, adapter.trains_b) = read_word(field.at("train"), trainings);
  adapter.dropout = static_cast<float>(read_within(field.at("dropout"), 0, 1));
  const Field fresh = field.at("fresh");
  if (fresh.value().is_null() == adapter.weights_file.empty()) {
    throw fresh.refuse("must be there where weightsFile is null, and only there");
  }
  if (!fresh.value().is_null()) {
    adapter.fresh.is_normal = read_word(fresh.at("a"), fresh_kinds);
    if (adapter.fresh.is_normal) adapter.fresh.deviation = read_not_negative(fresh.at("deviation"));
  }
  if (!adapter.mask_file.empty() && !adapter.trains_b) {
    throw field.at("maskFile").refuse("must be null where B is not trained");
  }
  return adapter;
}

CoefficientRequest read_coefficients(const Field& field) {
  const Field start = field.at("start");
  CoefficientRequest coefficients{.is_trained = read_bool(field.at("train")),
                                  .granularity = read_word(field.at("granularity"), granularities),
                                  .activation = read_word(field.at("activation"), activations),
                                  .start = read_word(start.at("kind"), starts)};
  if (coefficients.start == StartKind::constant || coefficients.start == StartKind::first) {
    coefficients.value = start.at("value").number();
  }
  return coefficients;
}

ObjectiveRequest read_objective(const Field& field) {
  ObjectiveRequest objective{.kind = read_word(field.at("kind"), objectives), .l1 = read_not_negative(field.at("l1"))};
  if (objective.kind == ObjectiveKind::tchebycheff) objective.temperature = read_positive(field.at("temperature"));
  return objective;
}

std::vector<Example> read_examples(const Field& field, ObjectiveKind objective) {
  std::vector<Example> examples;
  for (const Field& item : field.some_items()) {
    Example example{model::read_prompt(item.at("prompt"), item.name()), model::read_tokens(item.at("answer")),
                    item.at("group").integer(0, most_examples)};
    if (example.answer.empty() && objective == ObjectiveKind::cross_entropy) {
      throw core::Error("answer-empty", item.name() + " has an answer without tokens; there is nothing to learn from.");
    }
    examples.push_back(std::move(example));
  }
  return examples;
}

OptimiserRequest read_optimiser(const Field& field) {
  return {.rate = read_not_negative(field.at("rate")),
          .coefficient_rate = read_not_negative(field.at("coefficientRate")),
          .b_ratio = read_not_negative(field.at("bRatio")),
          .beta1 = read_within(field.at("beta1"), 0, 1),
          .beta2 = read_within(field.at("beta2"), 0, 1),
          .epsilon = read_positive(field.at("epsilon")),
          .weight_decay = read_not_negative(field.at("weightDecay")),
          .clip_norm = read_not_negative(field.at("clipNorm")),
          .clips_each = read_bool(field.at("clipEach")),
          .schedule = read_word(field.at("schedule"), schedules),
          .warmup_steps = field.at("warmupSteps").integer(0, most_steps)};
}

PassRequest read_pass(const Field& root) {
  PassRequest pass;
  pass.model = root.at("model").text();
  pass.device = root.at("device").text();
  pass.threads = static_cast<int>(root.at("threads").integer(1, model::most_threads));
  pass.memory_bytes = static_cast<std::uint64_t>(root.at("memoryBytes").integer(0, model::most_memory_bytes));
  pass.pass_tokens = root.at("passTokens").integer(1, model::most_pass_tokens);
  pass.pass_examples = root.at("passExamples").integer(1, most_examples);
  for (const Field& adapter : root.at("adapters").some_items()) pass.adapters.push_back(read_adapter(adapter));
  return pass;
}

}  // namespace

LearnRequest read_learn_request(const core::Json& json) {
  const Field root(json, "");
  LearnRequest request;
  request.pass = read_pass(root);
  request.recompute = read_word(root.at("recompute"), recomputes);
  const Field coefficients = root.at("coefficients");
  if (!coefficients.value().is_null()) request.coefficients = read_coefficients(coefficients);
  request.objective = read_objective(root.at("objective"));
  request.train = read_examples(root.at("train"), request.objective.kind);
  request.validation = read_examples(root.at("validation"), request.objective.kind);
  request.is_shuffled = read_word(root.at("order"), orders);
  request.steps = root.at("steps").integer(1, most_steps);
  request.batch = root.at("batch").integer(1, most_examples);
  request.optimiser = read_optimiser(root.at("optimiser"));
  request.validate_every = root.at("validateEvery").integer(1, most_steps);
  request.chooses_last = read_word(root.at("choose"), choices);
  request.seed = static_cast<std::uint64_t>(root.at("seed").integer(0, largest_seed));
  request.checkpoint_folder = root.at("checkpointFolder").text();
  request.checkpoint_every = root.at("checkpointEvery").integer(0, most_steps);
  request.stop_file = root.at("stopFile").text();
  request.journal_file = root.at("journalFile").text();
  request.out_file = root.at("outFile").text();
  for (const AdapterRequest& adapter : request.pass.adapters) {
    if ((adapter.is_trained() || request.coefficients.is_trained) && !adapter.modules.empty()) return request;
  }
  throw core::Error("request-invalid", "Nothing is trained: neither coefficients nor factors of an adapter.");
}

GradientRequest read_gradient_request(const core::Json& json) {
  const Field root(json, "");
  GradientRequest request;
  request.pass = read_pass(root);
  request.activation = read_word(root.at("activation"), activations);
  request.objective = read_word(root.at("objective"), objectives);
  if (request.objective == ObjectiveKind::tchebycheff) {
    throw root.at("objective").refuse("must be \"cross_entropy\" or \"entropy\"");
  }
  request.examples = read_examples(root.at("examples"), request.objective);
  request.out_file = text_or_empty(root.at("outFile"));
  for (const Field& row : root.at("coefficients").items()) {
    std::vector<double>& numbers = request.raw.emplace_back();
    for (const Field& number : row.items()) numbers.push_back(number.number());
  }
  const std::vector<AdapterRequest>& adapters = request.pass.adapters;
  bool fits = request.raw.size() == adapters.size();
  for (std::size_t a = 0; fits && a < adapters.size(); ++a) fits = request.raw[a].size() == adapters[a].modules.size();
  if (!fits) throw root.at("coefficients").refuse("must have one number for each module of each adapter");
  return request;
}

std::vector<model::LearnAdapter> learn_adapters(const std::vector<AdapterRequest>& adapters) {
  std::vector<model::LearnAdapter> result;
  for (const AdapterRequest& adapter : adapters) {
    model::LearnAdapter& learned = result.emplace_back();
    learned.name = adapter.name;
    learned.trains_a = adapter.trains_a;
    learned.trains_b = adapter.trains_b;
    learned.dropout = adapter.dropout;
    for (const model::ModuleRequest& module : adapter.modules) {
      learned.modules.push_back({module.name, module.rank, module.in, module.out, module.scaling});
    }
  }
  return result;
}

}  // namespace amalgam::learn
