// ./learn writes into the book's copy of this which language its reader has chosen.
window.quartetChoice = null;
