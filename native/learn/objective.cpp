#include "learn/objective.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace amalgam::learn {

namespace {

/// One over the number of judged tokens; every sequence has at least one.
double mean_weight(const SequenceList& sequences) {
  std::int64_t judged = 0;
  for (const JudgedSequence* sequence : sequences) judged += sequence->judged;
  return 1.0 / static_cast<double>(judged);
}

double sum_of(std::span<const double> sums) { return std::accumulate(sums.begin(), sums.end(), 0.0); }

}  // namespace

ops::TokenObjective Objective::of_tokens() const {
  return request_.kind == ObjectiveKind::cross_entropy ? ops::TokenObjective::cross_entropy
                                                       : ops::TokenObjective::entropy;
}

std::map<std::int64_t, Objective::Group> Objective::groups_of(const SequenceList& sequences,
                                                              std::span<const double> sums) const {
  std::map<std::int64_t, Group> groups;
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    Group& group = groups[sequences[i]->group];
    ++group.sequences;
    group.mean += sums[i];
  }
  for (auto& [number, group] : groups) {
    group.mean /= static_cast<double>(group.sequences);
    if (const auto start = group_starts_.find(number); start != group_starts_.end()) group.mean -= start->second;
  }
  return groups;
}

void Objective::begin(const SequenceList& sequences, std::span<const double> sums) {
  group_starts_.clear();
  std::map<std::int64_t, double> starts;
  for (const auto& [number, group] : groups_of(sequences, sums)) starts[number] = group.mean;
  group_starts_ = std::move(starts);
}

std::vector<double> Objective::weights(const SequenceList& sequences, std::span<const double> sums) const {
  if (!needs_sums_first()) return std::vector<double>(sequences.size(), mean_weight(sequences));
  const std::map<std::int64_t, Group> groups = groups_of(sequences, sums);
  double largest = -std::numeric_limits<double>::infinity();
  for (const auto& [number, group] : groups) largest = std::max(largest, group.mean);
  double total = 0;
  for (const auto& [number, group] : groups) total += std::exp((group.mean - largest) / request_.temperature);
  std::vector<double> weights;
  for (const JudgedSequence* sequence : sequences) {
    const Group& group = groups.at(sequence->group);
    weights.push_back(std::exp((group.mean - largest) / request_.temperature) / total /
                      static_cast<double>(group.sequences));
  }
  return weights;
}

double Objective::loss(const SequenceList& sequences, std::span<const double> sums) const {
  if (!needs_sums_first()) return validation_loss(sequences, sums);
  const std::map<std::int64_t, Group> groups = groups_of(sequences, sums);
  double largest = -std::numeric_limits<double>::infinity();
  for (const auto& [number, group] : groups) {
    if (!std::isfinite(group.mean)) return group.mean;
    largest = std::max(largest, group.mean);
  }
  double total = 0;
  for (const auto& [number, group] : groups) total += std::exp((group.mean - largest) / request_.temperature);
  return largest + request_.temperature * std::log(total);
}

double Objective::validation_loss(const SequenceList& sequences, std::span<const double> sums) const {
  return sum_of(sums) * mean_weight(sequences);
}

}  // namespace amalgam::learn
