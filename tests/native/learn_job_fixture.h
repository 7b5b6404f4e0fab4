// Jobs that learn, over the tiny checkpoint and adapters of evaluations.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "eval_fixture.h"
#include "learn/learn.h"

namespace amalgam::test {

inline std::vector<int> random_ids_below(Random& random, std::int64_t count, std::int64_t below) {
  std::vector<int> tokens;
  for (std::int64_t i = 0; i < count; ++i) tokens.push_back(static_cast<int>(random.integer(0, below - 1)));
  return tokens;
}

inline core::Json learn_example(const std::vector<int>& prompt, const std::vector<int>& answer, int group = 0) {
  return core::Json::object({{"prompt", tokens_part(prompt)}, {"answer", tokens_part(answer)}, {"group", group}});
}

/// Examples of several lengths in two groups, whose answers can be learned: all of a few tokens.
inline core::Json learn_examples(std::uint64_t seed, int count) {
  Random random(seed);
  core::Json examples = core::Json::array();
  for (int i = 0; i < count; ++i) {
    examples.push(learn_example(random_ids_below(random, random.integer(2, 9), tiny_vocabulary),
                                random_ids_below(random, random.integer(1, 4), 4), i % 2));
  }
  return examples;
}

/// What the passes see of an adapter beside evaluate's part: how it learns.
struct LearnSide {
  std::string train = "none";
  bool is_fresh = false;
  core::Json mask_file;
  double dropout = 0;
};

/// An adapter of the tiny model as a request to learn names it.
inline core::Json learn_adapter(const std::string& name, std::uint64_t seed, std::int64_t rank,
                                const LearnSide& side = {}) {
  const core::Json part = adapter_part(name, tiny_adapter(seed, rank));
  return core::Json::object(
      {{"name", name},
       {"key", name},
       {"weightsFile", side.is_fresh ? core::Json() : part.at("weightsFile")},
       {"modules", part.at("modules")},
       {"train", side.train},
       {"fresh", side.is_fresh ? core::Json::object({{"a", "uniform"}}) : core::Json()},
       {"maskFile", side.mask_file},
       {"dropout", side.dropout}});
}

inline core::Json learned_coefficients(const std::string& granularity, const std::string& activation,
                                       const core::Json& start, bool is_trained = true) {
  return core::Json::object(
      {{"train", is_trained}, {"granularity", granularity}, {"activation", activation}, {"start", start}});
}

inline core::Json constant_start(double value) {
  return core::Json::object({{"kind", "constant"}, {"value", value}});
}

/// The same object with one member replaced or added.
inline core::Json with(const core::Json& object, const std::string& key, const core::Json& value) {
  core::Json result = core::Json::object({});
  for (const auto& [name, member] : object.as_object("object")) {
    if (name != key) result.set(name, member);
  }
  return result.set(key, value);
}

/// A job in short.
struct Learning {
  std::string model;
  core::Json adapters = core::Json::array();
  core::Json coefficients;
  core::Json objective = core::Json::object({{"kind", "cross_entropy"}, {"l1", 0.0}});
  core::Json train = learn_examples(5, 8);
  core::Json validation = learn_examples(6, 4);
  std::string order = "shuffled";
  std::string recompute = "auto";
  std::string choose = "validation";
  int steps = 8;
  int batch = 3;
  int validate_every = 2;
  int checkpoint_every = 0;
  int threads = 1;
  int seed = 1;
  std::int64_t memory_bytes = 0;
  std::int64_t pass_tokens = 24;
  core::Json optimiser = core::Json::object({{"rate", 0.01},
                                             {"coefficientRate", 0.05},
                                             {"bRatio", 1.0},
                                             {"beta1", 0.9},
                                             {"beta2", 0.999},
                                             {"epsilon", 1e-8},
                                             {"weightDecay", 0.0},
                                             {"clipNorm", 1.0},
                                             {"clipEach", false},
                                             {"schedule", "cosine"},
                                             {"warmupSteps", 2}});
  std::string folder = fresh_folder();  ///< of all that it writes

  std::string out_file() const { return folder + "/out.safetensors"; }
  std::string stop_file() const { return folder + "/stop"; }
  std::string journal_file() const { return folder + "/journal.jsonl"; }
  std::string checkpoint_file() const { return folder + "/checkpoint/checkpoint.safetensors"; }

  core::Json request() const {
    return core::Json::object({{"model", model},
                               {"device", "cpu"},
                               {"threads", threads},
                               {"memoryBytes", memory_bytes},
                               {"passTokens", pass_tokens},
                               {"passExamples", 2},
                               {"recompute", recompute},
                               {"adapters", adapters},
                               {"coefficients", coefficients},
                               {"objective", objective},
                               {"train", train},
                               {"validation", validation},
                               {"order", order},
                               {"steps", steps},
                               {"batch", batch},
                               {"optimiser", optimiser},
                               {"validateEvery", validate_every},
                               {"choose", choose},
                               {"seed", seed},
                               {"checkpointFolder", folder + "/checkpoint"},
                               {"checkpointEvery", checkpoint_every},
                               {"stopFile", stop_file()},
                               {"journalFile", journal_file()},
                               {"outFile", out_file()}});
  }

  core::Json run() const {
    core::Progress progress;
    const core::CancelToken cancel;
    return learn::run_learn(request(), progress, cancel);
  }

  std::vector<core::Json> journal() const {
    std::vector<core::Json> lines;
    for (const std::string& line : lines_of(journal_file())) lines.push_back(core::Json::parse(line));
    return lines;
  }
  /// The numbers of that name of the lines that have them.
  std::vector<double> journal_numbers(const std::string& key) const {
    std::vector<double> numbers;
    for (const core::Json& line : journal()) {
      if (const core::Json* number = line.find(key)) numbers.push_back(number->as_number(key));
    }
    return numbers;
  }
};

/// Tunes two adapters of the tiny model, a number per module.
inline Learning tuning() {
  Learning learning;
  learning.model = write_tiny_checkpoint(3);
  learning.adapters.push(learn_adapter("one", 21, 2));
  learning.adapters.push(learn_adapter("two", 22, 3));
  learning.coefficients = learned_coefficients("module", "leaky_relu", constant_start(0));
  return learning;
}

/// Trains one fresh adapter of the tiny model.
inline Learning training(const LearnSide& side = {"both", true, {}, 0}) {
  Learning learning;
  learning.model = write_tiny_checkpoint(3);
  learning.adapters.push(learn_adapter("fresh", 21, 4, side));
  return learning;
}

inline std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("there is no " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A result without what depends on the clock and the memory of the machine.
inline std::string lasting_part(const core::Json& result) {
  core::Json part = core::Json::object({});
  for (const auto& [key, value] : result.as_object("result")) {
    if (key != "seconds" && key != "loadSeconds" && key != "peakBytes" && key != "estimate" && key != "recompute") {
      part.set(key, value);
    }
  }
  return part.dump();
}

/// The journal's lines without seconds.
inline std::vector<std::string> lasting_lines(const Learning& learning) {
  std::vector<std::string> lines;
  for (const core::Json& line : learning.journal()) lines.push_back(with(line, "seconds", 0).dump());
  return lines;
}

}  // namespace amalgam::test
