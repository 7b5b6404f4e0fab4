// What learning minimises, from the values of judged tokens.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "learn/sequences.h"

namespace amalgam::learn {

/// The loss of some sequences from the sums of their tokens' values, and its derivative by each of these sums.
class Objective {
 public:
  explicit Objective(const ObjectiveRequest& request) : request_(request) {}

  ops::TokenObjective of_tokens() const;
  /// True where the derivative depends on the sums: they are measured first, without dropout.
  bool needs_sums_first() const { return request_.kind == ObjectiveKind::tchebycheff; }

  /// Takes the groups' mean entropies before learning (tchebycheff), from all training examples.
  void begin(const SequenceList& sequences, std::span<const double> sums);
  /// The same from a checkpoint, and for one.
  void begin(std::map<std::int64_t, double> group_starts) { group_starts_ = std::move(group_starts); }
  const std::map<std::int64_t, double>& group_starts() const { return group_starts_; }

  /// d loss / d sum of each sequence. `sums` is only read where needs_sums_first().
  std::vector<double> weights(const SequenceList& sequences, std::span<const double> sums) const;
  double loss(const SequenceList& sequences, std::span<const double> sums) const;
  /// What validation looks at: the same, and for tchebycheff the plain mean entropy.
  double validation_loss(const SequenceList& sequences, std::span<const double> sums) const;

 private:
  /// One group's sequences among some, and how much more or less uncertain they are than at the start.
  struct Group {
    std::int64_t sequences = 0;
    double mean = 0;
  };
  std::map<std::int64_t, Group> groups_of(const SequenceList& sequences, std::span<const double> sums) const;

  ObjectiveRequest request_;
  std::map<std::int64_t, double> group_starts_;
};

}  // namespace amalgam::learn
