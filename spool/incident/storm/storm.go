// Package storm makes one of what is alike within one delivery, with how often it happened and what was first and last: a
// fault that strikes 100,000 times must not drown the one beside it, nor whoever reads.
//
// It is for what is told and needs no answer: each delivery counts anew. What persons acknowledge and close is gathered by the journal.
//
// What is alike is the caller's to say, by a key. Nothing distinct is dropped, and memory is bounded, by one rule: what has no
// room is not taken, the delivery ends before it, and it is the first of the next.
package storm

import "slices"

// Alike is what happened Count times.
type Alike[T any] struct {
	First, Last T // the same where it happened once
	Count       uint64
}

// Storm gathers one delivery. The zero value has no room.
type Storm[K comparable, T any] struct {
	most int
	at   map[K]int
	all  []Alike[T]
}

// New makes room for so many that are not alike.
func New[K comparable, T any](most int) *Storm[K, T] {
	return &Storm[K, T]{most: most, at: map[K]int{}}
}

// Add takes the next one, in the order in which they happened. It is false, and nothing is taken, where there is no room for
// one more that is not alike.
func (s *Storm[K, T]) Add(k K, v T) bool {
	if i, ok := s.at[k]; ok {
		s.all[i].Last = v
		s.all[i].Count++
		return true
	}
	if len(s.all) >= s.most {
		return false
	}
	s.at[k] = len(s.all)
	s.all = append(s.all, Alike[T]{v, v, 1})
	return true
}

// All returns what was taken, each in the place of its first.
func (s *Storm[K, T]) All() []Alike[T] { return slices.Clone(s.all) }
