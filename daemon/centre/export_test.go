package centre

// Final says whether delivery gives up after an error: the word, or "".
var Final = final
