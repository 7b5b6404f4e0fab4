#include "learn/sequences.h"

#include <algorithm>
#include <string>

namespace amalgam::learn {

namespace {

std::int64_t length_of(const JudgedSequence& sequence) { return static_cast<std::int64_t>(sequence.tokens.size()); }

JudgedSequence judged_sequence(const Example& example, ObjectiveKind objective) {
  JudgedSequence sequence{example.prompt, {}, 1, example.group};
  if (objective != ObjectiveKind::cross_entropy) {
    sequence.targets.resize(sequence.tokens.size());
    return sequence;
  }
  sequence.tokens.insert(sequence.tokens.end(), example.answer.begin(), example.answer.end());
  sequence.targets.assign(sequence.tokens.begin() + 1, sequence.tokens.end());
  sequence.tokens.pop_back();
  sequence.judged = static_cast<std::int64_t>(example.answer.size());
  return sequence;
}

}  // namespace

std::vector<JudgedSequence> judged_sequences(const std::vector<Example>& examples, ObjectiveKind objective,
                                             const model::Config& config, const std::string& list) {
  std::vector<JudgedSequence> sequences;
  for (const Example& example : examples) {
    const std::string name = list + "[" + std::to_string(sequences.size()) + "]";
    const JudgedSequence& sequence = sequences.emplace_back(judged_sequence(example, objective));
    const std::int32_t largest = std::max(model::largest_of(sequence.tokens), model::largest_of(sequence.targets));
    model::check_vocabulary(largest, config.vocabulary, name);
    if (length_of(sequence) <= config.max_positions) continue;
    throw core::Error("prompt-too-long", name + " takes " + std::to_string(length_of(sequence)) +
                                             " positions; the base model has " + std::to_string(config.max_positions) +
                                             ".")
        .with_hint("Leave it out, or shorten it.");
  }
  return sequences;
}

SequenceList all_of(const std::vector<JudgedSequence>& sequences) {
  SequenceList list;
  for (const JudgedSequence& sequence : sequences) list.push_back(&sequence);
  return list;
}

std::int64_t longest_of(const std::vector<JudgedSequence>& sequences) {
  std::int64_t longest = 0;
  for (const JudgedSequence& sequence : sequences) longest = std::max(longest, length_of(sequence));
  return longest;
}

std::vector<double> Passes::run(const SequenceList& sequences, std::span<const double> weights,
                                std::span<const std::uint64_t> dropout_keys) {
  const bool learns = !weights.empty();
  std::vector<double> sums;
  std::vector<std::vector<float>> token_weights;
  std::vector<model::LearnSequence> batch;
  for (std::size_t first = 0; first < sequences.size(); first += batch.size()) {
    batch.clear();
    token_weights.clear();
    std::int64_t tokens = 0;
    for (std::size_t i = first; i < sequences.size(); ++i) {
      const JudgedSequence& sequence = *sequences[i];
      const bool has_room = tokens + length_of(sequence) <= most_tokens_ &&
                            static_cast<std::int64_t>(batch.size()) < most_examples_;
      if (!batch.empty() && !has_room) break;
      tokens += length_of(sequence);
      std::vector<float>& weight = token_weights.emplace_back(sequence.tokens.size(), 0.0f);
      std::fill(weight.end() - sequence.judged, weight.end(), learns ? static_cast<float>(weights[i]) : 1.0f);
      batch.push_back({sequence.tokens, sequence.targets, weight, learns ? dropout_keys[i] : 0});
    }
    const std::vector<double> values = learns ? pass_.learn(batch, objective_) : pass_.measure(batch, objective_);
    tokens_ += tokens;
    std::size_t end = 0;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const JudgedSequence& sequence = *sequences[first + i];
      end += sequence.tokens.size();
      double sum = 0;
      for (std::size_t t = end - static_cast<std::size_t>(sequence.judged); t < end; ++t) sum += values[t];
      sums.push_back(sum);
    }
  }
  return sums;
}

std::vector<double> Passes::measure(const SequenceList& sequences) { return run(sequences, {}, {}); }

std::vector<double> Passes::learn(const SequenceList& sequences, std::span<const double> weights,
                                  std::span<const std::uint64_t> dropout_keys) {
  return run(sequences, weights, dropout_keys);
}

}  // namespace amalgam::learn
