export default function Autograd() {
  return <p>Autograd</p>;
}
