package touch

import "net/http"

func (s *Server) routes() { s.mux = http.NewServeMux() }

func (s *Server) guard(h http.Handler) http.Handler { return h }
