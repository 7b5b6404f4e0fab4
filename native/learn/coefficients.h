// Raw numbers, and the coefficients of rank units that they stand for.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/json.h"
#include "learn/request.h"
#include "model/config.h"
#include "model/learn_units.h"

namespace amalgam::learn {

/// One raw number for every adapter and place of the granularity: all of the adapter, a layer, its attention or MLP, a
/// module, or a unit of one. The activation makes coefficients of them; softmax is over the adapters that share a
/// place, for units over those of the same number in a module.
class Coefficients {
 public:
  Coefficients(const std::vector<AdapterRequest>& adapters, const model::Config& config, Granularity granularity,
               Activation activation);

  /// Takes the start values; random ones follow from the seed, the adapter's key and the place.
  void start(const CoefficientRequest& request, const std::vector<AdapterRequest>& adapters, std::uint64_t seed);

  /// Takes raw numbers, one for each module of every adapter (granularity module).
  void set_raw(const std::vector<std::vector<double>>& numbers);

  std::span<float> raw() { return raw_; }
  std::span<const float> raw() const { return raw_; }
  /// The raw number of a unit.
  std::size_t number_of(std::size_t adapter, std::size_t module, std::int64_t unit) const;
  bool is_by_unit() const { return granularity_ == Granularity::unit; }

  /// The coefficient that every raw number stands for.
  std::vector<double> active(std::span<const float> raw) const;
  void apply(model::LearnUnits& units) const;
  /// d loss / d raw from the gradients of the units.
  std::vector<double> gradients(const model::LearnUnits& units) const;
  /// The first module in which a gradient is not finite, or an empty text.
  std::string first_not_finite(const model::LearnUnits& units) const;

  /// Numbers, one for each raw number, as results show them: one per module of every adapter, or a list per unit of it.
  template <typename T>
  core::Json shown(std::span<const T> numbers) const {
    core::Json rows = core::Json::array();
    for (std::size_t a = 0; a < modules_.size(); ++a) {
      core::Json row = core::Json::array();
      for (std::size_t m = 0; m < modules_[a].size(); ++m) {
        const Module& module = modules_[a][m];
        if (!is_by_unit()) {
          row.push(numbers[module.first]);
          continue;
        }
        core::Json list = core::Json::array();
        for (std::int64_t u = 0; u < module.rank; ++u) list.push(numbers[number_of(a, m, u)]);
        row.push(std::move(list));
      }
      rows.push(std::move(row));
    }
    return rows;
  }

 private:
  struct Module {
    std::string name;
    std::int64_t rank = 0;
    std::size_t first = 0;  ///< its raw number, or that of its first unit
  };
  struct Owner {
    std::size_t adapter = 0;
    std::string place;
  };
  std::vector<double> unit_sums(const model::LearnUnits& units) const;

  Granularity granularity_;
  Activation activation_;
  std::vector<std::vector<Module>> modules_;
  std::vector<Owner> owners_;                    ///< of every raw number
  std::vector<std::vector<std::size_t>> shared_;  ///< raw numbers of one place each
  std::vector<float> raw_;
};

}  // namespace amalgam::learn
