/** Asks for what takes long, while the rest of the page is on its way. */
import "./outlook";

void import("./main");
