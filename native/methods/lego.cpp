// Zhao et al. 2025, Merging LoRAs like Playing LEGO (arXiv 2409.16167)
//
// The pool of all units u = [a ; b] of a module is clustered by k-means; a cluster's unit is its mean, brought back to
// the mean length (largest magnitude) of its members; the sum is scaled by sqrt(r / k). Votes and canonical units are
// extensions of ours. What the paper leaves open, and why it is done as it is here: docs/decisions, "LoRA-LEGO".
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/vectorised.h"
#include "linalg/kmeans.h"
#include "lora/canonical_units.h"
#include "methods/method.h"
#include "methods/params.generated.h"

namespace amalgam::methods {

namespace {

using core::Matrix;
using lora::RankUnits;

constexpr double least_length = 1e-12;

// Columns of A that are averaged together, so that their sums stay in the cache.
constexpr std::int64_t columns_together = 512;

/// The weight of each unit: 1, or 1 over the number of units that its source brings.
std::vector<double> votes_of(const RankUnits& units, bool equal) {
  std::vector<double> votes(static_cast<std::size_t>(units.count()), 1.0);
  if (!equal) return votes;
  for (std::size_t u = 0; u < votes.size(); ++u) {
    const auto of_same_source = [&](const lora::UnitTag& tag) { return tag.source == units.tags[u].source; };
    votes[u] = 1.0 / static_cast<double>(std::count_if(units.tags.begin(), units.tags.end(), of_same_source));
  }
  return votes;
}

/// Inner products of what is clustered: the units, or the units with both halves brought to length 1.
Matrix<double> feature_products(const UnitPool& pool, LegoFeatures features) {
  const std::int64_t count = pool.units.count();
  std::vector<double> in_scale(static_cast<std::size_t>(count), 1.0);
  std::vector<double> out_scale(in_scale);
  if (features == LegoFeatures::balanced) {
    const auto inverse_length = [](double square) { return square > 0 ? 1 / std::sqrt(square) : 0; };
    for (std::int64_t u = 0; u < count; ++u) {
      in_scale[static_cast<std::size_t>(u)] = inverse_length(pool.in_products(u, u));
      out_scale[static_cast<std::size_t>(u)] = inverse_length(pool.out_products(u, u));
    }
  }
  Matrix<double> products(count, count);
  for (std::int64_t u = 0; u < count; ++u) {
    for (std::int64_t v = 0; v < count; ++v) {
      const auto i = static_cast<std::size_t>(u);
      const auto j = static_cast<std::size_t>(v);
      products(u, v) =
          in_scale[i] * in_scale[j] * pool.in_products(u, v) + out_scale[i] * out_scale[j] * pool.out_products(u, v);
    }
  }
  return products;
}

/// To which mean each unit goes, and with what share; the shares of a cluster add up to 1.
struct Averaging {
  std::int64_t clusters;
  std::vector<std::int64_t> labels;
  std::vector<double> shares;
};

Averaging make_averaging(std::int64_t clusters, std::vector<std::int64_t> labels, const std::vector<double>& votes) {
  std::vector<double> sums(static_cast<std::size_t>(clusters));
  for (std::size_t u = 0; u < votes.size(); ++u) sums[static_cast<std::size_t>(labels[u])] += votes[u];
  std::vector<double> shares;
  for (std::size_t u = 0; u < votes.size(); ++u) {
    shares.push_back(votes[u] / sums[static_cast<std::size_t>(labels[u])]);
  }
  return {clusters, std::move(labels), std::move(shares)};
}

/// means += share * rows, in double, `columns_together` columns at a time.
Matrix<float> mean_rows(const Matrix<float>& a, const Averaging& averaging, ops::Executor& executor) {
  Matrix<float> means(averaging.clusters, a.cols());
  executor.pool().parallel_for(a.cols(), [&](std::int64_t begin, std::int64_t end, int) {
    Matrix<double> sums(averaging.clusters, columns_together);
    for (std::int64_t first = begin; first < end; first += columns_together) {
      const std::int64_t width = std::min(columns_together, end - first);
      std::fill_n(sums.data(), sums.size(), 0.0);
      for (std::int64_t u = 0; u < a.rows(); ++u) {
        const double share = averaging.shares[static_cast<std::size_t>(u)];
        const float* row = a.row(u) + first;
        double* sum = sums.row(averaging.labels[static_cast<std::size_t>(u)]);
        core::vectorised([=]() AMALGAM_INLINE {
          for (std::int64_t j = 0; j < width; ++j) sum[j] += share * row[j];
        });
      }
      for (std::int64_t c = 0; c < averaging.clusters; ++c) {
        for (std::int64_t j = 0; j < width; ++j) means(c, first + j) = static_cast<float>(sums(c, j));
      }
    }
  });
  return means;
}

Matrix<float> mean_columns(const Matrix<float>& b, const Averaging& averaging, ops::Executor& executor) {
  Matrix<float> means(b.rows(), averaging.clusters);
  executor.pool().parallel_for(b.rows(), [&](std::int64_t first, std::int64_t last, int) {
    std::vector<double> sums(static_cast<std::size_t>(averaging.clusters));
    for (std::int64_t i = first; i < last; ++i) {
      std::fill(sums.begin(), sums.end(), 0.0);
      for (std::int64_t u = 0; u < b.cols(); ++u) {
        const auto index = static_cast<std::size_t>(u);
        sums[static_cast<std::size_t>(averaging.labels[index])] += averaging.shares[index] * b(i, u);
      }
      std::transform(sums.begin(), sums.end(), means.row(i), [](double sum) { return static_cast<float>(sum); });
    }
  });
  return means;
}

/// The largest magnitude in each unit, over both halves.
std::vector<float> lengths_of(const Matrix<float>& a, const Matrix<float>& b) {
  std::vector<float> lengths(static_cast<std::size_t>(a.rows()));
  float* largest = lengths.data();
  for (std::int64_t i = 0; i < b.rows(); ++i) {
    const float* row = b.row(i);
    core::vectorised([=, count = b.cols()]() AMALGAM_INLINE {
      for (std::int64_t u = 0; u < count; ++u) largest[u] = std::max(largest[u], std::abs(row[u]));
    });
  }
  for (std::int64_t u = 0; u < a.rows(); ++u) {
    const float* row = a.row(u);
    core::vectorised([=, count = a.cols()]() AMALGAM_INLINE {
      float most = largest[u];
      for (std::int64_t j = 0; j < count; ++j) most = std::max(most, std::abs(row[j]));
      largest[u] = most;
    });
  }
  return lengths;
}

/// For each mean: the mean length of its members over its own.
std::vector<double> length_ratios(const RankUnits& pool, const RankUnits& means, const Averaging& averaging) {
  std::vector<double> ratios(static_cast<std::size_t>(averaging.clusters));
  const std::vector<float> members = lengths_of(pool.a, pool.b);
  for (std::size_t u = 0; u < members.size(); ++u) {
    ratios[static_cast<std::size_t>(averaging.labels[u])] += averaging.shares[u] * members[u];
  }
  const std::vector<float> own = lengths_of(means.a, means.b);
  for (std::size_t c = 0; c < ratios.size(); ++c) ratios[c] /= std::max<double>(own[c], least_length);
  return ratios;
}

/// Multiplies both halves of each unit by its factor, and b by `on_b` besides.
void scale(RankUnits& units, const std::vector<double>& factors, double on_b) {
  for (std::int64_t u = 0; u < units.count(); ++u) {
    const double factor = factors[static_cast<std::size_t>(u)];
    float* row = units.a.row(u);
    for (std::int64_t j = 0; j < units.a.cols(); ++j) row[j] = static_cast<float>(factor * row[j]);
  }
  for (std::int64_t i = 0; i < units.b.rows(); ++i) {
    float* row = units.b.row(i);
    for (std::int64_t u = 0; u < units.count(); ++u) {
      row[u] = static_cast<float>(factors[static_cast<std::size_t>(u)] * on_b * row[u]);
    }
  }
}

RankUnits merged(const UnitPool& pool, const LegoParams& params) {
  const std::int64_t clusters = std::min(params.k, pool.units.count());
  const std::vector<double> votes = votes_of(pool.units, params.equal_votes);
  const Matrix<double> products = feature_products(pool, params.features);
  linalg::Clustering clustering =
      linalg::kmeans(products, votes, {clusters, params.restarts, pool.seed}, pool.executor);
  const Averaging averaging = make_averaging(clusters, std::move(clustering.labels), votes);
  RankUnits means{mean_rows(pool.units.a, averaging, pool.executor),
                  mean_columns(pool.units.b, averaging, pool.executor),
                  std::vector<double>(static_cast<std::size_t>(clusters), 1.0),
                  {}};
  for (std::int64_t c = 0; c < clusters; ++c) means.tags.push_back({0, 0, c});
  std::vector<double> factors(static_cast<std::size_t>(clusters), 1.0);
  if (params.param_reweight) factors = length_ratios(pool.units, means, averaging);
  const double on_b =
      params.output_reweight && clusters > 0 ? std::sqrt(params.reference_rank / static_cast<double>(clusters)) : 1;
  scale(means, factors, on_b);
  return means;
}

}  // namespace

lora::RankUnits lego(const UnitPool& pool, const LegoParams& params) {
  if (params.k < 1 || params.restarts < 1) {
    throw core::Error("parameter-invalid", "job.params.k and job.params.restarts must be at least 1.");
  }
  if (params.units == LegoUnits::stored) return merged(pool, params);
  return merged(make_pool(lora::canonical_units(pool.units, pool.executor), pool.seed, pool.executor), params);
}

}  // namespace amalgam::methods
