// k-means on inner products against its definition: the objective worked out from the points, and all partitions tried
// where there are few.
#include "linalg/kmeans.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "dense_reference.h"
#include "random_matrix.h"
#include "runner.h"

using namespace amalgam;
using linalg::Clustering;
using linalg::KMeans;
using test::Dense;

namespace {

using Labels = std::vector<std::int64_t>;

Dense gram_of(const Dense& points) { return test::multiply(points, test::transpose(points)); }

Clustering cluster(const Dense& points, const KMeans& search, std::vector<double> votes = {}, int threads = 1) {
  if (votes.empty()) votes.assign(static_cast<std::size_t>(points.rows()), 1.0);
  const core::CancelToken cancel;
  ops::Executor executor(threads, cancel);
  return linalg::kmeans(gram_of(points), votes, search, executor);
}

std::int64_t cluster_count(const Labels& labels) {
  return static_cast<std::int64_t>(std::set<std::int64_t>(labels.begin(), labels.end()).size());
}

/// sum_u votes[u] |u - centre|^2 from the points themselves.
double inertia_of(const Dense& points, const Labels& labels, const std::vector<double>& votes) {
  double inertia = 0;
  for (const std::int64_t c : std::set<std::int64_t>(labels.begin(), labels.end())) {
    for (std::int64_t j = 0; j < points.cols(); ++j) {
      double sum = 0;
      double weight = 0;
      for (std::size_t u = 0; u < labels.size(); ++u) {
        if (labels[u] != c) continue;
        sum += votes[u] * points(static_cast<std::int64_t>(u), j);
        weight += votes[u];
      }
      for (std::size_t u = 0; u < labels.size(); ++u) {
        const double difference = points(static_cast<std::int64_t>(u), j) - sum / weight;
        if (labels[u] == c) inertia += votes[u] * difference * difference;
      }
    }
  }
  return inertia;
}

/// The least inertia over all partitions into `clusters` clusters.
double least_inertia(const Dense& points, std::int64_t clusters, const std::vector<double>& votes) {
  Labels labels(static_cast<std::size_t>(points.rows()), 0);
  double least = std::numeric_limits<double>::infinity();
  const auto visit = [&](const auto& self, std::size_t u, std::int64_t used) -> void {
    if (u == labels.size()) {
      if (used == clusters) least = std::min(least, inertia_of(points, labels, votes));
      return;
    }
    for (std::int64_t c = 0; c < std::min(used + 1, clusters); ++c) {
      labels[u] = c;
      self(self, u + 1, std::max(used, c + 1));
    }
  };
  visit(visit, 0, 0);
  return least;
}

/// `count` points around each of `centres` far points.
Dense far_groups(test::Random& random, std::int64_t centres, std::int64_t count, std::int64_t dimensions) {
  Dense points(centres * count, dimensions);
  for (std::int64_t c = 0; c < centres; ++c) {
    for (std::int64_t j = 0; j < dimensions; ++j) {
      const double centre = 10 * random.number();
      for (std::int64_t i = 0; i < count; ++i) points(i * centres + c, j) = centre + 0.05 * random.number();
    }
  }
  return points;
}

}  // namespace

TEST("groups far apart are found, whatever the seed, and numbered by their first point") {
  test::Random random(1);
  const Dense points = far_groups(random, 5, 7, 6);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const Clustering found = cluster(points, {5, 10, seed});
    for (std::size_t u = 0; u < found.labels.size(); ++u) CHECK_EQ(found.labels[u], static_cast<std::int64_t>(u % 5));
    CHECK_NEAR(found.inertia, inertia_of(points, found.labels, std::vector<double>(35, 1.0)), 1e-9);
  }
}

TEST("among few points the best of all partitions is found, with votes and without") {
  test::Random random(2);
  for (int trial = 0; trial < 6; ++trial) {
    const Dense points = test::random_matrix<double>(random, 8, 3);
    for (const std::int64_t clusters : {1, 2, 3, 5, 7}) {
      std::vector<double> votes(8, 1.0);
      if (trial % 2 == 1) {
        for (double& vote : votes) vote = 1.0 / static_cast<double>(random.integer(1, 6));
      }
      const Clustering found = cluster(points, {clusters, 100, 5}, votes);
      const double least = least_inertia(points, clusters, votes);
      CHECK_NEAR(found.inertia, least, 1e-9 * (1 + least));
      CHECK_NEAR(found.inertia, inertia_of(points, found.labels, votes), 1e-9);
      CHECK_EQ(cluster_count(found.labels), clusters);
    }
  }
}

TEST("no point of a result lies nearer to another centre") {
  test::Random random(3);
  const Dense points = test::random_matrix<double>(random, 60, 4);
  const Clustering found = cluster(points, {9, 3, 11});
  Dense centres(9, 4);
  std::vector<double> members(9, 0);
  for (std::int64_t u = 0; u < 60; ++u) {
    const std::int64_t c = found.labels[static_cast<std::size_t>(u)];
    members[static_cast<std::size_t>(c)] += 1;
    for (std::int64_t j = 0; j < 4; ++j) centres(c, j) += points(u, j);
  }
  const auto distance = [&](std::int64_t u, std::int64_t c) {
    double square = 0;
    for (std::int64_t j = 0; j < 4; ++j) {
      square += std::pow(points(u, j) - centres(c, j) / members[static_cast<std::size_t>(c)], 2);
    }
    return square;
  };
  for (std::int64_t u = 0; u < 60; ++u) {
    for (std::int64_t c = 0; c < 9; ++c) {
      CHECK(distance(u, found.labels[static_cast<std::size_t>(u)]) <= distance(u, c) + 1e-9);
    }
  }
}

TEST("votes move the centres: a heavy point keeps a cluster to itself") {
  // 0, 1 and 3 on a line: alike they part as {0, 1} and {3}; with 1 and 3 light and 0 heavy as {0} and {1, 3}.
  Dense points(3, 1);
  points(1, 0) = 1;
  points(2, 0) = 3;
  CHECK(cluster(points, {2, 10, 1}).labels == (Labels{0, 0, 1}));
  CHECK(cluster(points, {2, 10, 1}, {100, 1, 0.1}).labels == (Labels{0, 1, 1}));
}

TEST("as many clusters as points, or more: every point is alone") {
  test::Random random(4);
  const Dense points = test::random_matrix<double>(random, 4, 3);
  for (const std::int64_t clusters : {4, 5, 100}) {
    const Clustering found = cluster(points, {clusters, 2, 1});
    CHECK(found.labels == (Labels{0, 1, 2, 3}));
    CHECK_EQ(found.inertia, 0.0);
  }
  CHECK(cluster(Dense(0, 3), {2, 2, 1}).labels.empty());
}

TEST("equal points and zeros: no cluster stays empty, and it ends") {
  for (std::int64_t clusters = 1; clusters <= 6; ++clusters) {
    CHECK_EQ(cluster_count(cluster(Dense(6, 3), {clusters, 3, 1}).labels), clusters);
    test::Random random(5);
    const Dense two = test::random_matrix<double>(random, 2, 3);
    Dense points(6, 3);
    for (std::int64_t u = 0; u < 6; ++u) std::copy_n(two.row(u % 2), 3, points.row(u));
    const Clustering found = cluster(points, {clusters, 3, 1});
    CHECK_EQ(cluster_count(found.labels), clusters);
    if (clusters < 2) continue;
    CHECK_NEAR(found.inertia, 0, 1e-12);
    for (std::size_t u = 0; u < 6; ++u) {
      for (std::size_t v = 0; v < u; ++v) CHECK(found.labels[u] != found.labels[v] || u % 2 == v % 2);
    }
  }
}

TEST("tiny points beside a huge one are still told apart") {
  test::Random random(6);
  Dense points = far_groups(random, 3, 4, 5);
  Dense more(13, 5);
  for (std::int64_t u = 0; u < 12; ++u) std::copy_n(points.row(u), 5, more.row(u));
  for (std::int64_t j = 0; j < 5; ++j) more(12, j) = 1e7;
  const Clustering found = cluster(more, {4, 10, 1});
  for (std::size_t u = 0; u < 12; ++u) CHECK_EQ(found.labels[u], static_cast<std::int64_t>(u % 3));
  CHECK_EQ(found.labels[12], std::int64_t{3});
}

TEST("one seed gives one answer for any number of threads; seeds differ") {
  test::Random random(7);
  const Dense points = test::random_matrix<double>(random, 80, 10);
  const Clustering first = cluster(points, {12, 7, 3});
  for (const int threads : {1, 2, 3, 8}) {
    const Clustering again = cluster(points, {12, 7, 3}, {}, threads);
    CHECK(again.labels == first.labels);
    CHECK_EQ(again.inertia, first.inertia);
  }
  std::set<Labels> answers;
  for (std::uint64_t seed = 0; seed < 10; ++seed) answers.insert(cluster(points, {12, 1, seed}).labels);
  CHECK(answers.size() > 1);
}

TEST("more restarts never give a worse answer") {
  test::Random random(8);
  const Dense points = test::random_matrix<double>(random, 50, 6);
  double before = std::numeric_limits<double>::infinity();
  for (const std::int64_t restarts : {1, 5, 20, 60}) {
    const double inertia = cluster(points, {8, restarts, 9}).inertia;
    CHECK(inertia <= before);
    before = inertia;
  }
}

TEST("a stop is heeded") {
  test::Random random(9);
  const Dense gram = gram_of(test::random_matrix<double>(random, 40, 6));
  const std::vector<double> votes(40, 1.0);
  core::CancelToken cancel;
  cancel.request();
  ops::Executor executor(1, cancel);
  CHECK_ERROR("cancelled", linalg::kmeans(gram, votes, {5, 3, 1}, executor));
}
