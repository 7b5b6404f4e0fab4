// Sums over the entries of one module's update and of another's.
#pragma once

#include <span>

#include "core/cancel.h"
#include "lora/rank_units.h"
#include "lora/request_adapter.h"
#include "ops/executor.h"

namespace amalgam::lora {

/// Over the entries of one update C.
struct OwnSums {
  double norm2 = 0;          ///< sum C^2
  double squares_norm2 = 0;  ///< sum C^4

  void operator+=(const OwnSums& other) {
    norm2 += other.norm2;
    squares_norm2 += other.squares_norm2;
  }
};

/// Over the entries of a candidate's update C and the query's T.
struct PairSums {
  double dot = 0;          ///< sum C T
  double clamp = 0;        ///< sum max(C T, 0)
  double abs = 0;          ///< sum |C T|
  double squares_dot = 0;  ///< sum C^2 T^2
  OwnSums own;             ///< of C

  void operator+=(const PairSums& other) {
    dot += other.dot;
    clamp += other.clamp;
    abs += other.abs;
    squares_dot += other.squares_dot;
    own += other.own;
  }
};

/// scaling * B A of one module, its factors in memory; the units' c is 1.
struct LoadedUpdate {
  const RequestModule* module;
  RankUnits units;
};

/// Throws Error "not-finite" naming the tensor, the errors of reading, "cancelled".
LoadedUpdate load_update(const RequestModule& module, const core::CancelToken& cancel);

/// Overwrites `pairs`, one for each candidate, and `query_own` unless that is null. Without a query all sums of pairs but
/// the candidates' own are 0. Sums of products and of squares come from the factors, in double. The others are made only
/// when `dense`: updates are formed in float, some rows at a time (half a megabyte for each of two), and summed in
/// double. Throws Error "not-finite" where an update's entries go beyond float, "cancelled".
void add_sums(const LoadedUpdate* query, std::span<const LoadedUpdate> candidates, bool dense,
              std::span<PairSums> pairs, OwnSums* query_own, ops::Executor& executor);

}  // namespace amalgam::lora
