// Examples as passes take them, and cut into passes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "learn/request.h"
#include "model/config.h"
#include "model/learn_pass.h"

namespace amalgam::learn {

/// An example's tokens, and those of them whose next token is judged: the last `judged`.
struct JudgedSequence {
  Tokens tokens;
  Tokens targets;  ///< as long as tokens; read where it is judged and the objective has targets
  std::int64_t judged = 0;
  std::int64_t group = 0;
};
using SequenceList = std::vector<const JudgedSequence*>;

/// Cross-entropy judges the tokens of the answer; entropies the token after the prompt. Throws Error "prompt-too-long",
/// "vocabulary-mismatch" naming the example by `list` and its number.
std::vector<JudgedSequence> judged_sequences(const std::vector<Example>& examples, ObjectiveKind objective,
                                             const model::Config& config, const std::string& list);

SequenceList all_of(const std::vector<JudgedSequence>& sequences);
std::int64_t longest_of(const std::vector<JudgedSequence>& sequences);

/// Brings sequences through the model, as many at once as a pass may have, in their order.
class Passes {
 public:
  Passes(model::LearnPass& pass, ops::TokenObjective objective, std::int64_t most_tokens, std::int64_t most_examples)
      : pass_(pass), objective_(objective), most_tokens_(most_tokens), most_examples_(most_examples) {}

  /// The sum of the judged tokens' values of every sequence, without dropout and gradients.
  std::vector<double> measure(const SequenceList& sequences);
  /// The same with dropout by the keys; the gradient of sum weight * value is added to the units'.
  std::vector<double> learn(const SequenceList& sequences, std::span<const double> weights,
                            std::span<const std::uint64_t> dropout_keys);

  /// Tokens that went through the model up to now.
  std::int64_t tokens() const { return tokens_; }

 private:
  std::vector<double> run(const SequenceList& sequences, std::span<const double> weights,
                          std::span<const std::uint64_t> dropout_keys);

  model::LearnPass& pass_;
  ops::TokenObjective objective_;
  std::int64_t most_tokens_;
  std::int64_t most_examples_;
  std::int64_t tokens_ = 0;
};

}  // namespace amalgam::learn
