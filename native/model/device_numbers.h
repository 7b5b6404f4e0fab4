// Numbers between the host and a device, in whatever type the device stores them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/device.h"

namespace amalgam::model {

/// Puts numbers into an array without gaps, row by row, rounded once to its type (F64, F32, BF16 or F16).
void write_numbers(ops::Device& device, const ops::Array& to, std::span<const float> numbers);
void write_numbers(ops::Device& device, const ops::Array& to, std::span<const double> numbers);

/// The numbers of an array without gaps, row by row.
std::vector<double> read_numbers(ops::Device& device, const ops::Array& from);

}  // namespace amalgam::model
