// k-means for points of which only the inner products are known.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "ops/executor.h"

namespace amalgam::linalg {

/// How to look for a clustering.
struct KMeans {
  std::int64_t clusters;  ///< at least 1; more than there are points means one cluster for each
  std::int64_t restarts;  ///< independent starts, of which the best is kept; at least 1
  std::uint64_t seed;
};

/// A partition of the points into clusters, none of them empty.
struct Clustering {
  std::vector<std::int64_t> labels;  ///< the cluster of each point; clusters are numbered as their first points stand
  double inertia = 0;                ///< sum_u votes[u] |u - centre of its cluster|^2
};

/// Lloyd's k-means (1982) from k-means++ starts (Arthur and Vassilvitskii 2007), at most 300 rounds each, ended when no
/// label changes. `gram` holds the inner products of the points, `votes` the positive weight of each in the objective
/// and in the centres. A cluster that runs empty gets the point farthest from its centre, so there are always
/// min(clusters, points) of them, also where points coincide. The same seed gives the same labels for any number of
/// threads. Throws Error "cancelled".
Clustering kmeans(core::MatrixView<const double> gram, std::span<const double> votes, const KMeans& search,
                  ops::Executor& executor);

}  // namespace amalgam::linalg
