-- in flight -> ready, at its old place. ARGV: id and token of each lease. What is not held is left alone.

write_even_when_full()
for i = 2, #ARGV, 2 do
  if holds(ARGV[i], ARGV[i + 1]) then
    end_lease(ARGV[i])
    make_ready(ARGV[i])
  end
end
settle()
