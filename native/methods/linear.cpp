// Ilharco et al. 2022, Editing Models with Task Arithmetic (arXiv 2212.04089); best rank-r fit by Eckart and Young 1936
//
// M = sum_i c_i M_i, with c_i the coefficients. The cut to rank r happens after the method, on its core.
#include "methods/method.h"
#include "methods/params.generated.h"

namespace amalgam::methods {

core::Matrix<double> linear(const Cores& cores, const LinearParams&) {
  core::Matrix<double> sum(cores.rows, cores.cols);
  for (const Core& source : cores.sources) add(sum, source.coefficient, source, cores.executor);
  return sum;
}

}  // namespace amalgam::methods
