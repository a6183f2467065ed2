// j and k (or n and p) go to the next and the previous finding; o opens what is folded in it.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(input|textarea|select)$/i.test(event.target.tagName)) return;
  const findings = [...document.querySelectorAll("article")];
  const here = findings.indexOf(document.activeElement.closest("article"));
  const go = (place) => findings[Math.max(0, Math.min(findings.length - 1, place))]?.focus();
  if (event.key === "j" || event.key === "n") go(here + 1);
  else if (event.key === "k" || event.key === "p") go(here - 1);
  else if (event.key === "o" && here >= 0) {
    const folded = [...findings[here].querySelectorAll("details")];
    const open = folded.every((one) => one.open);
    folded.forEach((one) => { one.open = !open; });
  }
});
