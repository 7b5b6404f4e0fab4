#include "learn/factor_optimiser.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/device_numbers.h"

namespace amalgam::learn {

namespace {

constexpr double clip_epsilon = 1e-6;

std::span<const float> numbers_of(const core::Matrix<float>& matrix) {
  return {matrix.data(), static_cast<std::size_t>(matrix.size())};
}

core::Matrix<float> to_host(ops::Device& device, const ops::Array& array) {
  const std::vector<double> numbers = model::read_numbers(device, array);
  core::Matrix<float> matrix(array.rows, array.cols);
  std::ranges::transform(numbers, matrix.data(), [](double number) { return static_cast<float>(number); });
  return matrix;
}

ops::DeviceArray zeros(ops::Device& device, const ops::Array& like) {
  ops::DeviceArray array(device, device.accumulators(), like.rows, like.cols);
  device.fill_zero(array.view().data, array.bytes());
  return array;
}

}  // namespace

FactorOptimiser::FactorOptimiser(ops::Device& device, const model::LearnUnits& units) : device_(device), units_(units) {
  for (const model::TrainedFactor& factor : units.trained()) {
    m_.push_back(zeros(device, factor.values));
    v_.push_back(zeros(device, factor.values));
  }
}

std::vector<double> FactorOptimiser::squared_norms() const {
  std::vector<double> norms;
  for (const model::TrainedFactor& factor : units_.trained()) {
    norms.push_back(device_.squared_norm(factor.gradient, factor.mask));
  }
  return norms;
}

void FactorOptimiser::step(std::int64_t t, double rate_factor, const OptimiserRequest& request,
                           const std::vector<double>& squared_norms) {
  const std::vector<double> scales = clip_scales(squared_norms, request.clip_norm, request.clips_each);
  for (std::size_t i = 0; i < m_.size(); ++i) {
    const model::TrainedFactor& factor = units_.trained()[i];
    device_.adamw(factor.values, factor.gradient, m_[i].view(), v_[i].view(), factor.mask,
                  {.t = t,
                   .rate = request.rate * rate_factor * (factor.is_b ? request.b_ratio : 1),
                   .beta1 = request.beta1,
                   .beta2 = request.beta2,
                   .epsilon = request.epsilon,
                   .weight_decay = request.weight_decay,
                   .gradient_scale = scales[i]},
                  factor.copy);
  }
}

FactorOptimiser::Moments FactorOptimiser::moments(std::size_t factor) const {
  return {to_host(device_, m_[factor].view()), to_host(device_, v_[factor].view())};
}

void FactorOptimiser::restore(std::size_t factor, const Moments& moments) {
  model::write_numbers(device_, m_[factor].view(), numbers_of(moments.m));
  model::write_numbers(device_, v_[factor].view(), numbers_of(moments.v));
}

std::int64_t FactorOptimiser::entries() const {
  std::int64_t sum = 0;
  for (const ops::DeviceArray& array : m_) sum += array.view().rows * array.view().cols;
  return sum;
}

std::size_t FactorOptimiser::bytes_per_entry(const ops::Device& device) {
  return 2 * ops::array_bytes(device.accumulators(), 1, 1);
}

std::vector<double> clip_scales(const std::vector<double>& squared_norms, double clip_norm, bool clips_each) {
  std::vector<double> scales(squared_norms.size(), 1.0);
  if (clip_norm == 0) return scales;
  const double all = std::accumulate(squared_norms.begin(), squared_norms.end(), 0.0);
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const double norm = std::sqrt(clips_each ? squared_norms[i] : all);
    scales[i] = std::min(1.0, clip_norm / (norm + clip_epsilon));
  }
  return scales;
}

}  // namespace amalgam::learn
