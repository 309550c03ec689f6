# SPDX-License-Identifier: MIT
# real_z3.sh: z3 solves a satisfiable problem (14 queens as integers), an unsatisfiable one
# (pigeons), and one of bit vectors.
source "$(dirname "$0")/lib.bash"
this_machine "it runs the system's programs"
need z3
{
  echo '(set-option :smt.random_seed 1)'
  n=14
  for ((i = 0; i < n; i++)); do
    echo "(declare-const q$i Int)(assert (and (>= q$i 0) (< q$i $n)))"
  done
  for ((i = 0; i < n; i++)); do
    for ((j = i + 1; j < n; j++)); do
      distance=$((j - i))
      echo "(assert (distinct q$i q$j))"
      echo "(assert (and (distinct (- q$i q$j) $distance) (distinct (- q$j q$i) $distance)))"
    done
  done
  echo '(check-sat)(get-model)(reset)'
  n=8
  for ((i = 0; i <= n; i++)); do
    clause=
    for ((j = 0; j < n; j++)); do
      echo "(declare-const p${i}_$j Bool)"
      clause+=" p${i}_$j"
    done
    echo "(assert (or$clause))"
  done
  for ((j = 0; j < n; j++)); do
    for ((i = 0; i <= n; i++)); do
      for ((k = i + 1; k <= n; k++)); do echo "(assert (not (and p${i}_$j p${k}_$j)))"; done
    done
  done
  echo '(check-sat)(reset)'
  echo '(declare-const a (_ BitVec 14))(declare-const b (_ BitVec 14))'
  echo '(assert (= (bvmul a b) #b11010011110011))'
  echo '(assert (bvugt a #b00000000000001))(assert (bvult a b))'
  echo '(check-sat)(get-model)'
} > "$work/problem.smt2"
both z3 z3 -smt2 "$work/problem.smt2"
answers=$(grep sat "$work/z3.rimalloc/out" | tr '\n' ' ')
[[ $answers == "sat unsat sat " ]] || fail "z3 says: $answers"
