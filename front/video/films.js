// The films: one leads, the others follow it. The leader is the first overlay, which every browser plays, with its sound.

const DRIFT_S = 0.07; // more than this apart, a follower is set to the leader's time

function text(tag, name, content) {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = content;
  return element;
}

function sentenceFor(film) {
  return film.title === "Original"
    ? `This browser cannot play ${film.codec}, the codec of the clip. The overlay plays all the same.`
    : `This browser cannot play the overlay of ${film.title}. Download it below to see it in a player.`;
}

function buildFilm(film, onFail) {
  const figure = document.createElement("figure");
  const video = document.createElement("video");
  video.playsInline = true;
  video.preload = "auto";
  video.muted = true;
  video.disablePictureInPicture = true;
  video.setAttribute("aria-label", `${film.title}, played with the controls below`);
  const fail = () => {
    if (!video.isConnected) return;
    video.replaceWith(text("p", "refused", sentenceFor(film)));
    onFail(video);
  };
  video.addEventListener("error", fail);
  // A browser that lacks the codec of the pictures alone plays the sound over a black box.
  video.addEventListener("loadedmetadata", () => video.videoWidth === 0 && fail());
  figure.append(text("figcaption", "", film.title), video);
  return { figure, video, url: new URL(film.url, document.baseURI).href, overlay: film.title !== "Original" };
}

function createFilms(films, onChange) {
  const built = films.map((film) => buildFilm(film, (video) => leave(video)));
  let alive = built;
  const leader = () => (alive.find((one) => one.overlay) ?? alive[0])?.video;
  const followers = () => alive.map((one) => one.video).filter((video) => video !== leader());
  const each = (act) => alive.forEach((one) => act(one.video));

  function leave(video) {
    alive = alive.filter((one) => one.video !== video);
    lead();
    onChange();
  }

  function lead() {
    each((video) => (video.muted = video !== leader()));
  }

  for (const one of built) {
    for (const event of ["loadedmetadata", "play", "pause", "ended", "seeked", "timeupdate"]) {
      one.video.addEventListener(event, () => {
        if (one.video !== leader()) return;
        if (event === "pause" || event === "ended") pause();
        onChange();
      });
    }
    one.video.src = one.url;
  }
  lead();

  function play() {
    if (leader()?.ended) seek(0);
    each((video) => video.play().catch(() => {})); // stopped again before it began, or it failed: `error` says so
  }

  function pause() {
    each((video) => video.pause());
    followers().forEach((video) => follow(video, 0));
  }

  function follow(video, apart) {
    const goal = Math.min(leader().currentTime, video.duration || 0);
    if (video.readyState > 0 && !video.seeking && Math.abs(video.currentTime - goal) > apart) video.currentTime = goal;
  }

  function seek(seconds) {
    const goal = Math.max(0, Math.min(seconds, leader()?.duration || 0));
    each((video) => (video.currentTime = Math.min(goal, video.duration || goal)));
    onChange();
  }

  return {
    figures: built.map((one) => one.figure),
    play,
    pause,
    seek,
    // Once the films can be played: from here on, as they would have been played without the change.
    goOnFrom: (seconds) =>
      leader()?.addEventListener("loadedmetadata", () => {
        seek(seconds);
        play();
      }, { once: true }),
    toggle: () => (leader()?.paused === false ? pause() : play()),
    pace: (rate) => each((video) => (video.playbackRate = rate)),
    keepTogether: () => followers().forEach((video) => follow(video, DRIFT_S)),
    playing: () => leader()?.paused === false && !leader().ended,
    time: () => leader()?.currentTime ?? 0,
    duration: () => leader()?.duration || 0,
    dispose: () => each((video) => video.pause()),
  };
}
