#include "linalg/kmeans.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "core/random.h"
#include "core/vectorised.h"

namespace amalgam::linalg {

namespace {

using core::Matrix;
using core::MatrixView;

constexpr int most_rounds = 300;

// Rounding of a squared distance, relative to the squares it is made of: points must gain more than that to move, or
// equal ones would wander between equal centres for ever.
constexpr double distance_noise = 1e-12;

struct Points {
  MatrixView<const double> gram;
  std::span<const double> votes;

  std::int64_t count() const { return gram.rows; }
  double square(std::int64_t u) const { return gram(u, u); }
  double vote(std::int64_t u) const { return votes[static_cast<std::size_t>(u)]; }
};

/// y += alpha x
void add_row(double alpha, const double* x, double* y, std::int64_t n) {
  core::vectorised([=]() AMALGAM_INLINE {
    for (std::int64_t i = 0; i < n; ++i) y[i] += alpha * x[i];
  });
}

/// One start and its rounds.
class Search {
 public:
  Search(const Points& points, std::int64_t clusters)
      : points_(points),
        clusters_(clusters),
        labels_(static_cast<std::size_t>(points.count()), 0),
        distances_(static_cast<std::size_t>(points.count()), 0),
        best_(static_cast<std::size_t>(points.count()), 0),
        nearest_(static_cast<std::size_t>(points.count()), 0),
        members_(static_cast<std::size_t>(clusters), 0),
        stale_(static_cast<std::size_t>(clusters), 1),
        votes_(static_cast<std::size_t>(clusters), 0),
        squares_(static_cast<std::size_t>(clusters), 0),
        sums_(clusters, points.count()) {}

  Clustering run(core::RandomStream random, const core::CancelToken& cancel) {
    choose_starts(random);
    bool moved = true;
    for (int round = 0; moved && round < most_rounds; ++round) {
      cancel.check();
      fill_empty_clusters();
      make_centres();
      moved = move_to_nearest();
    }
    if (moved) {  // the rounds were used up: centres of the last labels
      fill_empty_clusters();
      make_centres();
    }
    double inertia = 0;
    for (std::int64_t u = 0; u < points_.count(); ++u) inertia += points_.vote(u) * distance(u, label(u));
    return {labels_, inertia};
  }

 private:
  std::int64_t label(std::int64_t u) const { return labels_[static_cast<std::size_t>(u)]; }

  /// k-means++: each start is a point, drawn in proportion to its vote times its squared distance from the nearest
  /// start before it. Where all points coincide with a start, the clusters that remain stay empty for now.
  void choose_starts(core::RandomStream& random) {
    std::vector<double> odds(points_.votes.begin(), points_.votes.end());
    distances_.assign(distances_.size(), std::numeric_limits<double>::infinity());
    for (std::int64_t c = 0; c < clusters_; ++c) {
      const double total = std::accumulate(odds.begin(), odds.end(), 0.0);
      if (!(total > 0)) break;
      const std::int64_t start = drawn(odds, random.next_uniform() * total);
      for (std::int64_t u = 0; u < points_.count(); ++u) {
        const auto i = static_cast<std::size_t>(u);
        const double square =
            std::max(points_.square(u) - 2 * points_.gram(start, u) + points_.square(start), 0.0);
        if (square < distances_[i]) {
          distances_[i] = square;
          labels_[i] = c;
        }
        odds[i] = points_.vote(u) * distances_[i];
      }
    }
    for (const std::int64_t c : labels_) ++members_[static_cast<std::size_t>(c)];
  }

  /// The first index at which the running sum of `odds` exceeds `target`.
  static std::int64_t drawn(const std::vector<double>& odds, double target) {
    double sum = 0;
    std::int64_t last = 0;
    for (std::size_t i = 0; i < odds.size(); ++i) {
      if (!(odds[i] > 0)) continue;
      last = static_cast<std::int64_t>(i);
      sum += odds[i];
      if (sum > target) break;
    }
    return last;
  }

  void move(std::int64_t u, std::int64_t cluster) {
    std::int64_t& old = labels_[static_cast<std::size_t>(u)];
    for (const std::int64_t c : {old, cluster}) stale_[static_cast<std::size_t>(c)] = 1;
    --members_[static_cast<std::size_t>(old)];
    ++members_[static_cast<std::size_t>(cluster)];
    old = cluster;
  }

  void fill_empty_clusters() {
    for (std::int64_t c = 0; c < clusters_; ++c) {
      if (members_[static_cast<std::size_t>(c)] > 0) continue;
      std::int64_t farthest = -1;
      for (std::int64_t u = 0; u < points_.count(); ++u) {
        if (members_[static_cast<std::size_t>(label(u))] < 2) continue;
        if (farthest < 0 || distances_[static_cast<std::size_t>(u)] > distances_[static_cast<std::size_t>(farthest)])
          farthest = u;
      }
      move(farthest, c);
      distances_[static_cast<std::size_t>(farthest)] = 0;
    }
  }

  /// Sums of the clusters whose members changed, from the start and in the order of the points: what a centre is
  /// depends on its members alone and not on the rounds before.
  void make_centres() {
    const std::int64_t count = points_.count();
    for (std::int64_t c = 0; c < clusters_; ++c) {
      if (!stale_[static_cast<std::size_t>(c)]) continue;
      std::fill_n(sums_.row(c), count, 0.0);
      votes_[static_cast<std::size_t>(c)] = 0;
      squares_[static_cast<std::size_t>(c)] = 0;
    }
    for (std::int64_t u = 0; u < count; ++u) {
      const auto c = static_cast<std::size_t>(label(u));
      if (!stale_[c]) continue;
      add_row(points_.vote(u), points_.gram.row(u), sums_.row(label(u)), count);
      votes_[c] += points_.vote(u);
    }
    for (std::int64_t u = 0; u < count; ++u) {
      const auto c = static_cast<std::size_t>(label(u));
      if (stale_[c]) squares_[c] += points_.vote(u) * sums_(label(u), u) / (votes_[c] * votes_[c]);
    }
    std::fill(stale_.begin(), stale_.end(), char{0});
  }

  /// |u - centre|^2 without |u|^2, which is the same for every centre.
  double offset(std::int64_t u, std::int64_t c) const {
    const auto index = static_cast<std::size_t>(c);
    return squares_[index] - 2 / votes_[index] * sums_(c, u);
  }
  double distance(std::int64_t u, std::int64_t c) const { return std::max(points_.square(u) + offset(u, c), 0.0); }

  /// True when a label changed.
  bool move_to_nearest() {
    find_nearest();
    bool moved = false;
    for (std::int64_t u = 0; u < points_.count(); ++u) {
      const auto i = static_cast<std::size_t>(u);
      const double gain = offset(u, label(u)) - best_[i];
      const double noise = distance_noise * (points_.square(u) + squares_[static_cast<std::size_t>(label(u))]);
      if (gain > noise) {
        move(u, nearest_[i]);
        moved = true;
      }
      distances_[i] = distance(u, label(u));
    }
    return moved;
  }

  void find_nearest() {
    const std::int64_t count = points_.count();
    std::fill(best_.begin(), best_.end(), std::numeric_limits<double>::infinity());
    double* best = best_.data();
    std::int64_t* nearest = nearest_.data();
    for (std::int64_t c = 0; c < clusters_; ++c) {
      const double square = squares_[static_cast<std::size_t>(c)];
      const double factor = 2 / votes_[static_cast<std::size_t>(c)];
      const double* sums = sums_.row(c);
      core::vectorised([=]() AMALGAM_INLINE {
        for (std::int64_t u = 0; u < count; ++u) {
          const double value = square - factor * sums[u];
          const bool nearer = value < best[u];
          best[u] = nearer ? value : best[u];
          nearest[u] = nearer ? c : nearest[u];
        }
      });
    }
  }

  const Points& points_;
  std::int64_t clusters_;
  std::vector<std::int64_t> labels_;
  std::vector<double> distances_;      // of each point from its centre when it was last moved
  std::vector<double> best_;           // offset from the nearest centre
  std::vector<std::int64_t> nearest_;  // that centre
  std::vector<std::int64_t> members_;  // of each cluster
  std::vector<char> stale_;            // clusters whose members changed since their centre was made
  std::vector<double> votes_;          // sum of the members' votes
  std::vector<double> squares_;        // |centre|^2
  Matrix<double> sums_;                // row c: inner products of every point with the sum of votes[u] u over cluster c
};

/// Numbers the clusters in the order of their first point.
void renumber(std::vector<std::int64_t>& labels, std::int64_t clusters) {
  std::vector<std::int64_t> number(static_cast<std::size_t>(clusters), -1);
  std::int64_t next = 0;
  for (std::int64_t& label : labels) {
    std::int64_t& own = number[static_cast<std::size_t>(label)];
    if (own < 0) own = next++;
    label = own;
  }
}

}  // namespace

Clustering kmeans(MatrixView<const double> gram, std::span<const double> votes, const KMeans& search,
                  ops::Executor& executor) {
  const Points points{gram, votes};
  if (search.clusters >= points.count()) {
    std::vector<std::int64_t> alone(static_cast<std::size_t>(points.count()));
    std::iota(alone.begin(), alone.end(), std::int64_t{0});
    return {std::move(alone), 0};
  }
  std::vector<Clustering> found(static_cast<std::size_t>(search.restarts));
  executor.pool().parallel_for(search.restarts, [&](std::int64_t first, std::int64_t last, int) {
    for (std::int64_t i = first; i < last; ++i) {
      const core::RandomStream random(search.seed, "restart " + std::to_string(i));
      found[static_cast<std::size_t>(i)] = Search(points, search.clusters).run(random, executor.cancel());
    }
  });
  const auto better = [](const Clustering& one, const Clustering& other) { return one.inertia < other.inertia; };
  const auto best = std::min_element(found.begin(), found.end(), better);
  renumber(best->labels, search.clusters);
  return std::move(*best);
}

}  // namespace amalgam::linalg
